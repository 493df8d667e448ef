
'use strict';
// The page is whole without this: it searches and sorts tables, and shows a layer's own treemap in place of all layers'.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Tables are sorted by a click on the head of a column: once upwards, once downwards; numbers begin with the largest.
  for (const table of all('table[data-sort]')) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const rows = [...body.rows];
        const numbers = rows.some((row) => row.cells[column].dataset.n !== undefined);
        const before = head.getAttribute('aria-sort');
        const down = before ? before === 'ascending' : numbers && head.classList.contains('number');
        const key = (row) => {
          const cell = row.cells[column];
          return numbers ? Number(cell.dataset.n) : cell.textContent.trim();
        };
        const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
        rows.sort((one, other) => (numbers ? key(one) - key(other) : collator.compare(key(one), key(other))));
        if (down) rows.reverse();
        body.append(...rows);
        for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      });
    });
  }

  // Rows are found by words, all of which they have.
  for (const bar of all('[data-search]')) {
    const rows = [...document.getElementById(bar.dataset.search).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const input = bar.querySelector('input');
    const found = bar.querySelector('output');
    const find = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, number) => {
        row.hidden = !words.every((word) => texts[number].includes(word));
        if (!row.hidden) count += 1;
      });
      found.textContent = `${count} of ${rows.length}`;
    };
    input.addEventListener('input', find);
    bar.hidden = false;
    find();
    // Who comes here by a link sees where it leads.
    document.addEventListener('click', (event) => {
      const link = event.target.closest('a');
      const row = link && rows.find((it) => it.id && `#${it.id}` === link.getAttribute('href'));
      if (row && row.hidden) {
        input.value = '';
        find();
      }
    });
  }

  // A layer that is clicked takes the place of all layers.
  for (const figure of all('figure[data-map]')) {
    const whole = figure.querySelector('svg');
    const bar = figure.querySelector('.bar');
    const where = bar.querySelector('[data-where]');
    let layer = null;
    const back = () => {
      if (layer) layer.remove();
      layer = null;
      bar.hidden = true;
      whole.removeAttribute('hidden');
    };
    whole.addEventListener('click', (event) => {
      const link = event.target.closest('a[data-zoom]');
      const target = link && document.getElementById(link.dataset.zoom);
      const own = target && target.querySelector('svg');
      if (!own) return;
      event.preventDefault();
      layer = own.cloneNode(true);
      whole.setAttribute('hidden', '');
      whole.after(layer);
      where.textContent = link.getAttribute('aria-label');
      bar.hidden = false;
      bar.querySelector('button').focus();
    });
    bar.querySelector('button').addEventListener('click', back);
    figure.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && layer) back();
    });
  }
})();
