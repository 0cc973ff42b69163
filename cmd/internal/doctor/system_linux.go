package doctor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystemOf returns the kind of the file system that a folder is on, where that matters.
func fileSystemOf(dir string) string {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return ""
	}
	return kindOf(int64(stat.Type))
}

func kindOf(magic int64) string {
	switch uint32(magic) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return memoryDisk
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.V9FS_MAGIC:
		return networkDisk
	case unix.OVERLAYFS_SUPER_MAGIC:
		return containerDisk
	}
	return ""
}

// clockSynced reports whether something, like an NTP client, keeps this machine's clock right.
func clockSynced() (synced, known bool) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, false
	}
	return t.Status&unix.STA_UNSYNC == 0, true
}

// holderOf returns which program has a port, empty where nobody may know.
func holderOf(proto string, port int) string {
	for _, table := range []string{proto, proto + "6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			continue
		}
		for _, inode := range socketsAt(string(text), proto, port) {
			if who := processOf("socket:[" + inode + "]"); who != "" {
				return who
			}
		}
	}
	return ""
}

// socketsAt returns the inodes of the sockets that take what comes to a port, from a table of /proc/net.
func socketsAt(table, proto string, port int) []string {
	const listening = "0A"
	var inodes []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || proto == "tcp" && fields[3] != listening {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}

// processOf returns the program and the number of a process that has a file open.
func processOf(file string) string {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != file {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		return fmt.Sprintf("%s (process %s)", bytes.TrimSpace(name), pid)
	}
	return ""
}
