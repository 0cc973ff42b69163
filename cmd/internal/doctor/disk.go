package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// slowSync is how long a durable write may take before it is worth a word: every answer to a message
// waits for one.
const slowSync = 100 * time.Millisecond

// Kinds of file systems on which a node may lose what it keeps, or may not lock it.
const (
	memoryDisk    = "memory"
	networkDisk   = "network"
	containerDisk = "container"
)

// lookAtDisk tells of space, of the kind of file system, and of how fast it keeps things.
func (e *exam) lookAtDisk(context.Context) []Finding {
	dir := existing(e.cfg.Dir)
	var found []Finding
	add := func(level Level, what, why, do string) {
		found = append(found, Finding{Level: level, What: what, Why: why, Do: do})
	}

	free, err := e.system.disk(dir)
	space := fmt.Sprintf("%d MiB of disk are free", free>>20)
	switch {
	case err != nil:
		add(Note, "how much disk is free cannot be told: "+err.Error(), "", "")
	case free < e.cfg.Reserve:
		add(Problem, space, fmt.Sprintf("below %d MiB a node mines nothing and takes no messages; it goes on to answer", e.cfg.Reserve>>20), "free some space, or choose a --data-dir on another disk")
	case free < 4*e.cfg.Reserve:
		add(Warning, space, fmt.Sprintf("below %d MiB a node mines nothing and takes no messages", e.cfg.Reserve>>20), "free some space soon")
	default:
		add(OK, space, "", "")
	}
	switch e.system.fileSystem(dir) {
	case memoryDisk:
		add(Warning, dir+" is a file system in memory", "everything is gone at the next start of the machine", "choose a --data-dir on a disk")
	case networkDisk:
		add(Warning, dir+" is on a network file system", "its locks and its promise to keep data are weaker than those of a disk", "choose a --data-dir on a disk of this machine")
	case containerDisk:
		add(Warning, dir+" is in a container's own layer", "everything is gone with the container", "mount a volume there")
	}
	if err == nil && free < 1<<20 {
		return found // there is no room to measure in
	}
	took, err := e.system.fsync(dir)
	switch {
	case err != nil:
		// lookAtFiles says why a folder cannot be written.
	case took > slowSync:
		add(Warning, fmt.Sprintf("the disk takes %v to keep a small write", took.Round(time.Millisecond)), "every answer to a message waits for such a write", "another disk, or fewer programs on this one, make the node faster")
	default:
		add(OK, fmt.Sprintf("the disk keeps a small write within %v", took.Round(10*time.Microsecond)), "", "")
	}
	return found
}

// middle returns the median.
func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
