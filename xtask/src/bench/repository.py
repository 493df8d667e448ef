"""Makes a repository for apt of the archives that a lock names: LOCK ARCHIVES REPOSITORY. Prints them for `mmdebstrap --include`."""

import hashlib
import os
import sys
import tomllib

lock, store, repository = sys.argv[1:]
os.makedirs(repository, exist_ok=True)
stanzas, include = [], []
for package in tomllib.load(open(lock, 'rb'))['debian']:
    name = f"{package['name']}.deb"
    path = os.path.join(repository, name)
    if not os.path.exists(path):
        os.link(os.path.join(store, package['sha256'].removeprefix('sha256:')), path)
    fields = [line for line in package['record'].strip().split('\n') if not line.startswith('Filename:')]
    stanzas.append('\n'.join([*fields, f'Filename: ./{name}']))
    include.append(f"{package['name']}={package['version']}")
with open(os.path.join(repository, 'Packages'), 'w') as file:
    file.write('\n\n'.join(stanzas) + '\n')
print(','.join(include))
with open(os.path.join(repository, 'Packages'), 'rb') as file:
    packages = file.read()
# Without the suite's name mmdebstrap finds no essential packages.
release = ['Suite: bookworm', 'Codename: bookworm', 'Date: Thu, 01 Jan 2026 00:00:00 UTC', 'SHA256:']
release.append(f' {hashlib.sha256(packages).hexdigest()} {len(packages)} Packages')
with open(os.path.join(repository, 'Release'), 'w') as file:
    file.write('\n'.join(release) + '\n')
