#!/bin/sh
# Runs before the files go: by dpkg as "remove" or "upgrade", by rpm with the number of versions that
# stay. In an upgrade the node goes on until the new version starts it anew.
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
  systemctl --no-reload disable --now p2pchain.service
elif command -v systemctl >/dev/null; then
  systemctl --no-reload disable p2pchain.service
fi
