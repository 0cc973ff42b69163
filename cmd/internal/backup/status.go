package backup

import "time"

// A Status says how the chain file is.
type Status struct {
	Height  uint64    // of the last block in it
	Bytes   int64     // its size
	Failing bool      // the last pass failed
	Written time.Time // when a pass last succeeded; zero: not yet
}

// Status returns how the chain file is. It is safe for concurrent use.
func (j *Job) Status() Status {
	if s := j.status.Load(); s != nil {
		return *s
	}
	return Status{}
}

// note takes down how a pass went; the file is closed after a failure, but still there.
func (j *Job) note(err error) {
	s := j.Status()
	s.Failing = err != nil
	if err == nil {
		s.Height, s.Bytes, s.Written = j.end.Height, j.end.Size, j.cfg.Now()
	}
	j.status.Store(&s)
}
