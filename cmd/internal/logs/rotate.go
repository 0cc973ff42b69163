package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	fileBytes = 1 << 20
	filesKept = 3
	// mostBytes is how long a file may get that cannot be renamed.
	mostBytes = 4 * fileBytes
	// lookEvery is how often it is looked whether the file is still where it should be.
	lookEvery = time.Second
)

// errFileFull means that a log file cannot be renamed, and that nothing more goes into it.
var errFileFull = errors.New("log file is full and cannot be renamed")

// A Rotating file starts anew at 1 MiB and keeps three older ones beside it, as seed 1's miner.log. A file
// or a folder that vanished is made anew with the next line. It is for one goroutine.
type Rotating struct {
	path   string
	now    func() time.Time
	file   *os.File // nil: it could not be opened, and the next line tries again
	size   int64
	torn   bool // the end of the last line is missing
	looked time.Time
}

// OpenRotating opens a log file, and makes its folder where that is missing.
func OpenRotating(path string) (*Rotating, error) {
	absolute, err := filepath.Abs(path) // the working directory may vanish, too
	if err != nil {
		return nil, err
	}
	r := &Rotating{path: absolute, now: time.Now}
	return r, r.open()
}

func (r *Rotating) open() error {
	if err := os.MkdirAll(filepath.Dir(r.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	stat, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r.file, r.size, r.torn, r.looked = file, stat.Size(), false, r.now()
	if last := make([]byte, 1); r.size > 0 {
		_, err := file.ReadAt(last, r.size-1)
		r.torn = err == nil && last[0] != '\n'
	}
	return nil
}

// Write appends whole lines, and begins a new file before one that would not fit. What an error leaves
// out is lost; the next call tries again.
func (r *Rotating) Write(lines []byte) (int, error) {
	written := 0
	for written < len(lines) {
		end := bytes.IndexByte(lines[written:], '\n') + 1
		if end == 0 {
			end = len(lines) - written
		}
		n, err := r.writeLine(lines[written : written+end])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (r *Rotating) writeLine(line []byte) (int, error) {
	if err := r.ready(); err != nil {
		return 0, err
	}
	if r.size > 0 && r.size+int64(len(line)) > fileBytes {
		err := r.rotate()
		if err != nil && (r.file == nil || r.size > mostBytes) {
			return 0, errors.Join(errFileFull, err)
		}
	}
	if r.torn { // what is there of the last line must not run into this one
		n, err := r.file.Write([]byte("\n"))
		r.size += int64(n)
		if err != nil {
			return 0, err
		}
		r.torn = false
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	r.torn = n > 0 && n < len(line)
	return n, err
}

// ready sees to it that the file is open, and the one of its name.
func (r *Rotating) ready() error {
	if r.file == nil {
		return r.open()
	}
	now := r.now()
	if now.Sub(r.looked) < lookEvery {
		return nil
	}
	r.looked = now
	there, err := os.Stat(r.path)
	mine, mineErr := r.file.Stat()
	if err == nil && mineErr == nil && os.SameFile(there, mine) {
		r.size = mine.Size() // somebody may have emptied it
		return nil
	}
	return errors.Join(r.Close(), r.open())
}

// rotate moves miner.log.2 to .3, .1 to .2 and the file itself to .1.
func (r *Rotating) rotate() error {
	closed := r.Close()
	var failed error
	for i := filesKept; i > 0; i-- {
		from := r.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", r.path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", r.path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	return errors.Join(closed, failed, r.open())
}

// Close closes the file. A later Write opens it again.
func (r *Rotating) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
