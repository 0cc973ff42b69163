package anchor_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/cmd/internal/anchor"
	"p2pchain/core"
	"p2pchain/core/coretest/random"
	"p2pchain/core/document"
)

// A schedule does to a log, at random, whatever programs and people do to logs.
type schedule struct {
	*place
	rng     *rand.Rand
	rotated int
	counts  map[string]int

	held    [][]byte  // what files held when somebody could look
	whole   []string  // renamed files that nothing was done to
	clean   bool      // the log itself was not changed since its generation began
	watched bool      // a look saw the file that has the name
	old     *os.File  // a renamed file to which is still written
	oldAt   time.Time // when that was done last
	stop    func()    // nil: nobody follows
}

func (s *schedule) content() []byte {
	text, err := os.ReadFile(s.log)
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return text
}

// lines returns some bytes, not always whole lines.
func (s *schedule) lines() string {
	b := make([]byte, 1+s.rng.IntN(3000))
	for i := range b {
		b[i] = byte('a' + s.rng.IntN(26))
		if s.rng.IntN(40) == 0 {
			b[i] = '\n'
		}
	}
	return string(b)
}

func (s *schedule) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// faults returns what can be done, by name.
func (s *schedule) faults() map[string]func() bool {
	all := s.rotations()
	maps.Copy(all, s.changes())
	return all
}

// rotations are what gives the name to another file, or begins the file anew.
func (s *schedule) rotations() map[string]func() bool {
	return map[string]func() bool{
		"append": func() bool { s.write(s.lines()); return true },
		"rename and create": func() bool {
			if s.endOld(); !s.rename() {
				return false
			}
			s.write(s.lines())
			return true
		},
		"rename, and write to both": func() bool {
			s.endOld()
			if len(s.content()) == 0 {
				return false
			}
			f, err := os.OpenFile(s.log, os.O_APPEND|os.O_WRONLY, 0)
			s.must(err)
			s.oldAt = time.Now()
			if s.old = f; !s.rename() {
				return false
			}
			s.write(s.lines())
			return true
		},
		"rename, and nothing takes the name": func() bool { s.endOld(); return s.rename() },
		"copy and truncate": func() bool {
			text := s.content()
			if len(text) == 0 {
				return false
			}
			s.must(os.Truncate(s.log, 0))
			s.clean, s.watched = true, false
			return true
		},
		"copy, truncate and write": func() bool {
			if len(s.content()) == 0 {
				return false
			}
			s.must(os.Truncate(s.log, 0))
			s.write(s.lines())
			s.clean, s.watched = true, false
			return true
		},
		"remove": func() bool {
			s.clean, s.watched = true, false
			return os.Remove(s.log) == nil
		},
		"another file over it": func() bool {
			next := s.log + ".next"
			s.must(os.WriteFile(next, []byte(s.lines()), 0o644))
			s.must(os.Rename(next, s.log))
			s.clean, s.watched = true, false
			return true
		},
	}
}

// changes are what happens to the bytes of a file, to the node and to the follower.
func (s *schedule) changes() map[string]func() bool {
	return map[string]func() bool{
		"cut": func() bool {
			text := s.content()
			if len(text) < 2 {
				return false
			}
			s.must(os.Truncate(s.log, int64(1+s.rng.IntN(len(text)-1))))
			s.clean = false
			return true
		},
		"change the end":       func() bool { return s.flip(func(n int) int { return n - 1 - s.rng.IntN(min(n, 100)) }) },
		"change the beginning": func() bool { return s.flip(func(n int) int { return s.rng.IntN(min(n, 100)) }) },
		"the node goes":        func() bool { s.chain.setAway(true); return true },
		"the node comes":       func() bool { s.chain.setAway(false); return true },
		"nobody follows": func() bool {
			if s.stop == nil {
				return false
			}
			s.stop()
			s.stop = nil
			return true
		},
		"somebody follows": func() bool {
			if s.stop == nil {
				s.stop = s.follow(s.config())
			}
			return true
		},
		"write to the old one": func() bool {
			if s.old == nil {
				return false
			}
			if time.Since(s.oldAt) > 40*time.Second { // it may have been let go by now
				renamed := fmt.Sprintf("%s.%d", s.log, s.rotated-1)
				s.whole = slices.DeleteFunc(s.whole, func(path string) bool { return path == renamed })
			}
			s.oldAt = time.Now()
			_, err := s.old.WriteString(s.lines())
			s.must(err)
			return true
		},
	}
}

// flip changes a byte in place.
func (s *schedule) flip(where func(int) int) bool {
	text := s.content()
	if len(text) == 0 {
		return false
	}
	text[where(len(text))] ^= 0x20
	f, err := os.OpenFile(s.log, os.O_WRONLY, 0)
	s.must(err)
	_, err = f.WriteAt(text, 0)
	s.must(err)
	s.must(f.Close())
	s.clean = false
	return true
}

// rename takes the name away from the log.
func (s *schedule) rename() bool {
	to := fmt.Sprintf("%s.%d", s.log, s.rotated)
	if os.Rename(s.log, to) != nil {
		return false
	}
	s.rotated++
	if s.clean && s.watched && s.stop != nil {
		s.whole = append(s.whole, to)
	}
	s.clean, s.watched = true, false
	return true
}

// endOld lets the program that wrote to a renamed file end.
func (s *schedule) endOld() {
	if s.old != nil {
		s.must(s.old.Close())
		s.old = nil
	}
}

// see notes what anchors may say now.
func (s *schedule) see() {
	files := []string{s.log}
	if s.rotated > 0 {
		files = append(files, fmt.Sprintf("%s.%d", s.log, s.rotated-1))
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		s.held = append(s.held, text)
	}
}

// TestRotation does everything to a log that is done to logs, at random moments, with the node and the
// follower coming and going. Whatever happens, each anchor is true, none is lost, and renamed files
// are anchored to their last byte.
func TestRotation(t *testing.T) {
	seed := random.Seed(t)
	h := happened{counts: make(map[string]int), began: make(map[string]int)}
	// Of the rarest things six rounds have six on average, and none of one of them in one run of hundreds.
	for round := uint64(0); round < 6 || round < 24 && len(h.missing()) > 0; round++ {
		synctest.Test(t, func(t *testing.T) {
			s := &schedule{place: newPlace(t), rng: rand.New(rand.NewPCG(seed, round)), counts: h.counts, clean: true}
			answers := rand.New(rand.NewPCG(seed, round+1000))
			s.chain.lose = func() bool { return answers.IntN(5) == 0 }
			s.run(80)
			h.add(s)
		})
	}
	if missing := h.missing(); len(missing) > 0 {
		t.Errorf("void: it did not happen: %q", missing)
	}
	t.Logf("%v; generations: %v; %d answers lost, %d anchors sent again, %d renamed files whole", h.counts, h.began, h.lost, h.repeated, h.whole)
}

// What happened in all rounds of a test.
type happened struct {
	counts, began         map[string]int // by fault, and by how a generation began
	lost, repeated, whole int
}

// add notes what a schedule did.
func (h *happened) add(s *schedule) {
	h.lost, h.repeated, h.whole = h.lost+s.chain.lost, h.repeated+s.chain.repeated, h.whole+len(s.whole)
	for _, a := range s.chain.anchors(s.t) {
		if a.Sequence == 1 {
			h.began[a.Began]++
		}
	}
}

// missing names what has to happen and did not.
func (h *happened) missing() (names []string) {
	need := func(name string, count int) {
		if count == 0 {
			names = append(names, name)
		}
	}
	for _, word := range []string{"first", "rotated", "emptied", "replaced", "cut", "changed"} {
		need("a generation that began as "+word, h.began[word])
	}
	for name := range (&schedule{}).faults() {
		need(name, h.counts[name])
	}
	need("a lost answer", h.lost)
	need("an anchor sent again", h.repeated)
	need("a renamed file that is whole", h.whole)
	return names
}

func (s *schedule) run(steps int) {
	faults := s.faults()
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names)
	s.stop = s.follow(s.config())
	time.Sleep(time.Second)
	s.write(strings.Repeat("so long that its end is not its beginning\n", 200))
	for _, name := range []string{"append", "change the end", "cut", "copy and truncate", "append"} {
		time.Sleep(20 * time.Second)
		faults[name]()
		s.counts[name]++
		s.see()
	}
	for range steps {
		name, alone := names[s.rng.IntN(len(names))], false
		switch s.rng.IntN(7) {
		case 0, 1:
			name = "append"
		case 2:
			if s.old != nil {
				name = "write to the old one"
			}
		case 3: // after which nothing else hides what it does
			name, alone = []string{"cut", "change the end", "copy and truncate"}[s.rng.IntN(3)], true
		}
		ok := faults[name]()
		s.t.Logf("%s %s %v", time.Now().Format(time.TimeOnly), name, ok)
		if ok {
			s.counts[name]++
		}
		s.see()
		if alone || s.rng.IntN(3) > 0 {
			looks := 1 + s.rng.IntN(6)
			time.Sleep(time.Duration(looks)*10*time.Second + time.Duration(s.rng.IntN(1000))*time.Millisecond)
			s.watched = s.watched || s.stop != nil && looks > 1 && len(s.content()) > 0
		}
	}
	s.chain.setAway(false)
	s.chain.loseNothing()
	if s.stop == nil {
		s.stop = s.follow(s.config())
	}
	time.Sleep(3 * time.Minute)
	s.stop()
	s.endOld()
	s.judge()
}

// beginnings returns the hashes of whatever files held, as far as anchors may name them.
func (s *schedule) beginnings() map[core.Hash]bool {
	lengths := make(map[int]bool)
	for _, a := range s.chain.anchors(s.t) {
		lengths[int(a.Length)] = true
	}
	ordered := slices.Sorted(maps.Keys(lengths))
	seen := make(map[core.Hash]bool)
	for _, text := range s.held {
		h, at := sha256.New(), 0
		for _, n := range ordered {
			if n > len(text) {
				break
			}
			h.Write(text[at:n])
			at = n
			seen[core.Hash(h.Sum(nil))] = true
		}
	}
	return seen
}

// judge looks at all anchors.
func (s *schedule) judge() {
	prints := make(map[core.Hash]bool)
	sequence := make(map[document.Generation]uint64)
	seen := s.beginnings()
	for i, a := range s.chain.anchors(s.t) {
		s.t.Logf("%s %v %s", a.Time().Format(time.TimeOnly), a, a.Began)
		if !seen[a.SHA256] {
			s.t.Errorf("anchor %d: no file ever held that: %v", i, a)
		}
		if (a.Previous == core.Hash{}) != (i == 0) || i > 0 && !prints[a.Previous] {
			s.t.Errorf("anchor %d does not link to an earlier one: %v", i, a)
		}
		prints[sha256.Sum256(a.Encode())] = true
		if sequence[a.Generation]++; a.Sequence != sequence[a.Generation] {
			s.t.Errorf("anchor %d has number %d of its generation, want %d", i, a.Sequence, sequence[a.Generation])
		}
	}
	for _, path := range s.whole {
		text, err := os.ReadFile(path)
		s.must(err)
		r := s.check(path, anchor.Choice{Author: &core.PublicKey{1}})
		if r.Verdict != anchor.Intact || r.Intact != uint64(len(text)) || bytes.Equal(text, nil) {
			s.t.Errorf("%s of %d bytes: %+v", path, len(text), r)
		}
	}
}
