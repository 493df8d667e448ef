# Images as buildah makes and podman, skopeo and buildah write them, and in `truth` what a container of them would see.
# $1 is busybox, $2 a short path of a folder for sockets.
set -e
PATH=$PATH:/usr/sbin:/sbin
export BUILDAH_ISOLATION=chroot
in="--root $PWD/storage --runroot $2 --storage-driver overlay"
container=$(buildah $in from scratch)
root=$(buildah $in mount "$container")
mkdir -p "$root/etc" "$root/bin" "$root/srv/a" "$root/srv/b" "$root/srv/empty" "$root/home/app"
cp "$1" "$root/bin/busybox"
setcap cap_net_raw+ep "$root/bin/busybox"
ln "$root/bin/busybox" "$root/bin/sh"
echo hello > "$root/etc/hello"
ln "$root/etc/hello" "$root/etc/hard"
ln -s hello "$root/etc/soft"
echo one > "$root/srv/a/one"
echo two > "$root/srv/b/two words, é"
chmod 4755 "$root/bin/sh"
chmod 1777 "$root/srv/empty"
mknod "$root/srv/null" c 1 3
mkfifo "$root/srv/pipe"
chown -R 65532:65532 "$root/home/app"
buildah $in umount "$container"
buildah $in config --user 65532 --env A=b --env EMPTY= --cmd '["/bin/busybox","sh"]' --entrypoint '["/bin/sh","-c"]' \
    --port 80/tcp --label x=y --workingdir /home/app --volume /srv/data --stop-signal SIGINT "$container"
buildah $in commit -q "$container" one
container=$(buildah $in from localhost/one)
root=$(buildah $in mount "$container")
# A file that is gone while a hard link to it stays, a folder that is made anew, a link in place of a folder and the other way round.
rm "$root/etc/hello"
rm -r "$root/srv/a" "$root/etc/soft" "$root/srv/empty"
mkdir "$root/srv/a" "$root/etc/soft"
echo three > "$root/srv/a/three"
echo soft > "$root/etc/soft/file"
ln -s b "$root/srv/empty"
chmod 700 "$root/srv/b"
rm "$root/srv/null"
mknod "$root/srv/null" c 1 5
setcap cap_chown+ep "$root/bin/busybox"
buildah $in umount "$container"
buildah $in commit -q "$container" two
buildah $in commit -q --format docker "$container" two-docker
root=$(buildah $in mount "$container")
cp -a "$root" truth
buildah $in umount "$container"

buildah $in push -q two "oci:oci:two"
buildah $in push -q one "oci:several:example.com/a:one"
buildah $in push -q two "oci:several:example.com/a:two"
buildah $in push -q --compression-format zstd two oci:zstd:two
buildah $in push -q --compression-format zstd:chunked two oci:chunked:two
buildah $in push -q two oci-archive:buildah.oci.tar:two
buildah $in push -q two-docker docker-archive:buildah.docker.tar:example.com/two:1
buildah $in push -q two-docker dir:dir
podman $in save -q --format oci-archive -o podman.oci.tar two
podman $in save -q --format oci-dir -o podman-oci two
podman $in save -q --format docker-archive -o podman.docker.tar two-docker
podman $in save -q --multi-image-archive --format docker-archive -o podman.several.tar two-docker one
podman $in tag two-docker example.com/two:1
podman $in push -q --tls-verify=false --format v2s2 two-docker "$3/two:schema2"
podman $in push -q --tls-verify=false --format oci --compression-format zstd two "$3/two:zstd"
buildah $in rm --all > /dev/null
