package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// MaxTime is the longest run: what is written to the disk grows with it.
const MaxTime = 2 * time.Minute

// writers is how many write at once where they share fsyncs.
const writers = 64

// A Config says what to measure.
type Config struct {
	Dir    string           // data directory, whose disk is measured; it may be missing
	Time   time.Duration    // for all parts together, above 0 and at most MaxTime; short parts take a little more
	Now    func() time.Time // measures the parts
	OnPart func(string)     // is told what comes next; nil is nobody
	// Used returns the processor time that this process has used, as ProcessTime does; nil: it is not known.
	Used func() (time.Duration, error)
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("bench: Dir is not set"))
	}
	if c.Time <= 0 || c.Time > MaxTime {
		errs = append(errs, fmt.Errorf("bench: time %v, want more than 0 and at most %v", c.Time, MaxTime))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("bench: Now is not set"))
	}
	return errors.Join(errs...)
}

// A Report is what was measured. A rate of 0 was not: the run ended before.
type Report struct {
	Complete   bool    `json:"complete"` // false after an early end
	Seconds    float64 `json:"seconds"`  // that were asked for
	Platform   string  `json:"platform"` // as linux/arm64
	Processors int     `json:"processors"`
	Dir        string  `json:"data_dir"`

	Search []Search `json:"search"` // with one thread, then with as many as there are processors
	// Messages of 200 bytes that one thread makes and signs.
	Signed float64 `json:"signed_per_second,omitzero"`
	// Signatures that one thread checks, each by itself, and that all processors check in batches of 1,000.
	CheckedSingly  float64 `json:"checked_singly_per_second,omitzero"`
	CheckedBatched float64 `json:"checked_in_batches_per_second,omitzero"`
	// Bytes of payloads of 16 KiB whose commitment one thread computes: SHA-256.
	HashedBytes float64 `json:"hashed_bytes_per_second,omitzero"`
	// Messages in blocks of 1,000 that are decoded and checked by all rules, as a node does that syncs.
	Validated float64 `json:"validated_messages_per_second,omitzero"`
	// Messages that are made, signed and on disk before the next one of the same writer.
	Durable []Durable `json:"durable"`

	Outlook []Outlook `json:"outlook"` // what follows for a network's difficulty

	// ProcessorShare is the processor time that the parts which only compute got, of what they could use: the
	// least of them. Much below 1 other programs were busy, or the machine is a share of another one. It is
	// missing where no part was long enough to tell.
	ProcessorShare float64 `json:"processor_share,omitzero"`
}

// quiet is the least share of a machine that does nothing else.
const quiet = 0.9

// Disturbed reports whether the figures are lower than the machine could do.
func (r *Report) Disturbed() bool { return r.ProcessorShare > 0 && r.ProcessorShare < quiet }

// Search is how fast some threads look for a block.
type Search struct {
	Threads int     `json:"threads"`
	Hashes  float64 `json:"hashes_per_second"`
}

// Durable is how fast some writers together get messages onto the disk.
type Durable struct {
	Writers  int     `json:"writers"`
	Messages float64 `json:"messages_per_second"`
}

// A part is one step of a run.
type part struct {
	name    string
	share   float64 // of the whole time; all together are 1
	threads int     // that do nothing but compute all the time; 0: some wait, too
	run     func(ctx context.Context, length time.Duration) error
}

// Run measures until the time is over or ctx ends; then it returns ctx's error with what it has.
//
// Errors: ErrFolder, with store.ErrLocked in it where another run is under way there, store.ErrDiskFull, and
// those of the file system. By the time it returns nothing of it is left on the disk.
func Run(ctx context.Context, cfg Config) (Report, error) {
	r := Report{
		Seconds: cfg.Time.Seconds(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.GOMAXPROCS(0), Dir: cfg.Dir,
		Search: []Search{}, Durable: []Durable{}, Outlook: []Outlook{},
	}
	if err := cfg.Validate(); err != nil {
		return r, err
	}
	f, err := openFolder(cfg.Dir)
	if err != nil {
		return r, err
	}
	err = measure(ctx, cfg, f.store(), &r)
	err = errors.Join(err, f.remove())
	r.Outlook = outlook(r.Search)
	r.Complete = err == nil
	return r, err
}

// measure opens the parts of a node in a directory and measures them.
func measure(ctx context.Context, cfg Config, dir string, r *Report) (err error) {
	s, err := openSite(dir, cfg.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, p := range s.parts(r) {
		if cfg.OnPart != nil {
			cfg.OnPart(p.name)
		}
		m, err := startMeter(cfg)
		if err != nil {
			return err
		}
		if err := p.run(ctx, time.Duration(p.share*float64(cfg.Time))); err != nil {
			return err
		}
		share, err := m.share(p.threads)
		if err != nil {
			return err
		}
		if share > 0 && (r.ProcessorShare == 0 || share < r.ProcessorShare) {
			r.ProcessorShare = share
		}
	}
	return nil
}
