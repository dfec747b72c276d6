package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/lore-kb/lore/ingest"
)

// Formats that no reader here knows and LibreOffice does: where it is installed,
// it turns such a file into one that is read here, in a confined child like any
// other. It runs in a folder and with a profile of its own, one file at a time,
// with a deadline and, where the kernel lets it, without a network.

// office is LibreOffice; nil where it is not installed.
type office struct {
	program string
	timeout time.Duration
	turn    chan struct{}
}

// officeStart is what LibreOffice takes to start, on top of a file's own time.
const officeStart = 30 * time.Second

func findOffice(timeout time.Duration) *office {
	for _, name := range []string{"soffice", "libreoffice"} {
		if program, err := exec.LookPath(name); err == nil {
			return &office{program, timeout + officeStart, make(chan struct{}, 1)}
		}
	}
	return nil
}

// officeTarget is the format that LibreOffice is to write of a file, "" when it
// is none that only LibreOffice reads.
func officeTarget(data []byte) string {
	p := &probe{data: data}
	for _, m := range []struct{ magic, target string }{
		{"\xffWPC", "docx"}, {"\xdb\xa5", "docx"}, {"\x31\xbe\x00\x00", "docx"}, {"\x7b\\pwi", "docx"}, {"HWP Document File V", "docx"},
		{"\x09\x00\x04\x00", "xlsx"}, {"\x09\x02\x06\x00", "xlsx"}, {"\x09\x04\x06\x00", "xlsx"}, {"\x00\x00\x02\x00\x06\x04\x06\x00", "xlsx"}, {"\x00\x00\x1a\x00", "xlsx"},
	} {
		if p.hasPrefix(m.magic) {
			return m.target
		}
	}
	if !isOLE(data) {
		return ""
	}
	for _, s := range []struct{ stream, target string }{
		{"PP40", "pptx"}, {"PP97_DUALSTORAGE", "pptx"}, {"VisioDocument", "pdf"}, {"Quill", "pdf"}, {"MatOST", "docx"}, {"MN0", "docx"}, {"SPELLING", "docx"},
		{"StarWriterDocument", "docx"}, {"StarCalcDocument", "xlsx"}, {"StarDrawDocument3", "pdf"}, {"NativeContent_MAIN", "xlsx"}, {"PerfectOffice_MAIN", "docx"},
	} {
		if p.oleHas(s.stream) {
			return s.target
		}
	}
	return ""
}

// convert has LibreOffice write a file anew and returns it with its name.
func (o *office) convert(ctx context.Context, data []byte, target string) (ingest.Input, error) {
	var out ingest.Input
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return out, ctx.Err()
	}
	dir, err := os.MkdirTemp("", "lore-office-*")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "in")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return out, err
	}
	started, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	run := func(alone bool) error {
		cmd := exec.CommandContext(started, o.program, "-env:UserInstallation=file://"+filepath.ToSlash(filepath.Join(dir, "profile")),
			"--headless", "--norestore", "--nolockcheck", "--convert-to", target, "--outdir", filepath.Join(dir, "out"), file)
		cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + dir, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
		cmd.Dir = dir
		cmd.WaitDelay = time.Second
		closeOff(cmd, alone)
		return cmd.Run()
	}
	var exit *exec.ExitError
	if err = run(true); err != nil && !errors.As(err, &exit) && started.Err() == nil {
		err = run(false) // a kernel that gives no network of its own
	}
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case started.Err() != nil:
		return out, fmt.Errorf("%w: LibreOffice needed more than %s", ingest.ErrTimeout, o.timeout)
	case err != nil:
		return out, fmt.Errorf("%w: LibreOffice: %w", ingest.ErrDamaged, err)
	}
	f, err := os.Open(filepath.Join(dir, "out", "in."+target))
	if err != nil {
		return out, fmt.Errorf("%w: LibreOffice could not read it", ingest.ErrDamaged)
	}
	defer f.Close()
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(f, maxMemberBytes+1))
	switch {
	case err != nil:
		return out, err
	case n > maxMemberBytes:
		return out, fmt.Errorf("%w: LibreOffice made more than %d MB of it", ingest.ErrTooLarge, maxMemberBytes>>20)
	}
	return ingest.Input{Name: "in." + target, Data: b.Bytes()}, nil
}

// old reads a file that only LibreOffice knows; unread is the error of the
// readers here.
func (p *Pool) old(ctx context.Context, in ingest.Input, unread error) ([]ingest.Document, error) {
	target := officeTarget(in.Data)
	switch {
	case target == "":
		return nil, unread
	case p.office == nil:
		return nil, fmt.Errorf("%w; install LibreOffice (soffice) to have it read", unread)
	}
	anew, err := p.office.convert(ctx, in.Data, target)
	if err != nil {
		return nil, err
	}
	docs, err := p.read(ctx, anew)
	if err != nil {
		return nil, err
	}
	docs[0].Warnings = appendWarning(docs[0].Warnings, "an old format, read by way of LibreOffice")
	return p.pictures(ctx, docs, anew.Data, nil)
}
