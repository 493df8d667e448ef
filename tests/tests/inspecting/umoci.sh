# A layout of several images as umoci makes it, of the tree `truth`; and in `unpacked` what umoci makes of the last one.
set -e
umoci init --layout umoci
umoci new --image umoci:base
umoci config --image umoci:base --os linux --architecture amd64
umoci unpack --image umoci:base bundle
cp -a truth/. bundle/rootfs/
umoci repack --image umoci:base bundle
rm -r bundle/rootfs/srv/a bundle/rootfs/etc/hard
mkdir bundle/rootfs/srv/a
echo four > bundle/rootfs/srv/a/four
umoci repack --image umoci:next bundle
umoci config --image umoci:next --config.user app --config.entrypoint /bin/sh --config.cmd -l --config.volume /v \
    --config.exposedports 8080/tcp --history.comment "by me"
umoci tag --image umoci:next again
mkdir inserted
echo new > inserted/new
umoci insert --image umoci:next --opaque inserted /srv/b
umoci raw unpack --image umoci:next unpacked
