#!/bin/sh
# Runs after the files are gone: by dpkg as "remove", "purge" or "upgrade", by rpm with the number of
# versions that stay. Chain and keys stay until somebody purges them.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
if [ "$1" = purge ]; then
  rm -rf /var/lib/p2pchain
  # The configuration files are dpkg's; what others put beside them, like a token, is not.
  rm -rf /etc/p2pchain
  if getent passwd p2pchain >/dev/null && command -v userdel >/dev/null; then
    userdel p2pchain
  fi
fi
