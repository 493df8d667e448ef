"""Installs with rattler the records of an image, as the channel's own index has them, into a folder that counts as another prefix.

Arguments: the channel, the subdir, the prefix, the folder to install into, rattler's package cache, the image's `conda-meta`.
"""

import asyncio
import os
import sys
import warnings
from pathlib import Path

from rattler import Gateway, PackageRecord, PrefixRecord, Subdir, install

channel, subdir, prefix, folder, cache, meta = sys.argv[1:]


async def main() -> None:
    # Reading them back is a test of its own: rattler refuses what is not a prefix record.
    held = [PrefixRecord.from_path(path) for path in sorted(Path(meta).glob("*.json"))]
    PackageRecord.validate(held)
    wanted = {record.url: record for record in held}
    found = await Gateway().query([channel], [subdir, "noarch"], [record.name.source for record in held], recursive=False)
    records = [record for source in found for record in source if record.url in wanted]
    missing = wanted.keys() - {record.url for record in records}
    if missing:
        sys.exit(f"not in the channel: {', '.join(sorted(missing))}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        await install(
            records, folder, cache_dir=cache, platform=Subdir(subdir), installed_packages=[], show_progress=False,
            execute_link_scripts=False, alternative_target_prefix=prefix,
        )  # fmt: skip
    print(len(records), flush=True)
    # What is done is done: py-rattler's threads now and then crash Python as it ends.
    os._exit(0)


asyncio.run(main())
