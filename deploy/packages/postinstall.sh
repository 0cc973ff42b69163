#!/bin/sh
# Runs after the files are there: by dpkg as "configure [OLD VERSION]", by rpm with the number of
# versions that are installed now.
set -e
case "$1" in
configure | [0-9]*) ;;
*) exit 0 ;; # dpkg undoes something
esac

if ! getent passwd p2pchain >/dev/null; then
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers /usr/lib/sysusers.d/p2pchain.conf
  else
    useradd --system --user-group --home-dir /var/lib/p2pchain --no-create-home \
      --comment "p2pchain node" --shell /usr/sbin/nologin p2pchain
  fi
fi

# A node joins a network and uses disk and processor, and whoever only wants to verify proofs needs
# none: so it is started by its operator, and only started anew, where it ran, by an upgrade.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart p2pchain.service || echo "p2pchain: the node did not start again; 'journalctl -u p2pchain' says why" >&2
fi
if [ "$1" = 1 ] || { [ "$1" = configure ] && [ -z "$2" ]; }; then
  echo "p2pchain: start a node with 'systemctl enable --now p2pchain'; its settings are in /etc/p2pchain/config.yaml"
fi
