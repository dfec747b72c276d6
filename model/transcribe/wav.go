package transcribe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// samples are speech as it is cut: one channel of 16 bits.
type samples interface {
	Rate() int // a second
	// Read fills buf as far as there are samples; io.EOF comes with none.
	Read(buf []int16) (int, error)
	Close() error
}

// errNotPCM says that a file is no WAV, or one whose codec is not plain.
var errNotPCM = errors.New("not WAV with plain samples")

// speechRate is what models of speech work at.
const speechRate = 16000

// wav reads the samples of a WAV file: integers of 8 to 32 bits, floats, A-law
// and µ-law; channels are averaged, and rates far above speechRate reduced.
type wav struct {
	r        *bufio.Reader
	left     uint64 // bytes of data
	rate     int
	channels int
	size     int // bytes of a sample
	value    func([]byte) float64
	every    int // frames that are averaged to one sample
	frames   []byte
}

const (
	formatPCM        = 1
	formatFloat      = 3
	formatALaw       = 6
	formatMuLaw      = 7
	formatExtensible = 0xfffe
)

// readWAV reads the header of a WAV file.
func readWAV(r io.Reader) (*wav, error) {
	w := &wav{r: bufio.NewReaderSize(r, 64<<10)}
	var head [12]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil || string(head[:4]) != "RIFF" && string(head[:4]) != "RF64" || string(head[8:]) != "WAVE" {
		return nil, errNotPCM
	}
	known := false
	for {
		if _, err := io.ReadFull(w.r, head[:8]); err != nil {
			return nil, fmt.Errorf("damaged WAV: no samples in it")
		}
		size := uint64(binary.LittleEndian.Uint32(head[4:]))
		switch string(head[:4]) {
		case "fmt ":
			format := make([]byte, min(size, 64))
			if _, err := io.ReadFull(w.r, format); err != nil || len(format) < 16 {
				return nil, errors.New("damaged WAV: its header is cut off")
			}
			if err := w.format(format); err != nil {
				return nil, err
			}
			known = true
			if err := skip(w.r, size+size&1-uint64(len(format))); err != nil {
				return nil, errors.New("damaged WAV: no samples in it")
			}
		case "data":
			if !known {
				return nil, errors.New("damaged WAV: samples before their format")
			}
			if size == 0 || size == math.MaxUint32 { // written while it was recorded
				size = math.MaxInt64
			}
			w.left = size
			return w, nil
		default:
			if err := skip(w.r, size+size&1); err != nil {
				return nil, errors.New("damaged WAV: no samples in it")
			}
		}
	}
}

func skip(r *bufio.Reader, n uint64) error {
	_, err := io.CopyN(io.Discard, r, int64(min(n, math.MaxInt64)))
	return err
}

// format takes the fields of a "fmt " chunk.
func (w *wav) format(f []byte) error {
	le := binary.LittleEndian
	code, channels, rate, bits := le.Uint16(f), le.Uint16(f[2:]), le.Uint32(f[4:]), le.Uint16(f[14:])
	if code == formatExtensible && len(f) >= 26 {
		code = le.Uint16(f[24:])
	}
	if channels == 0 || channels > 64 || rate < 1000 || rate > 1<<20 {
		return fmt.Errorf("damaged WAV: %d channels at %d Hz", channels, rate)
	}
	w.channels, w.rate, w.size = int(channels), int(rate), int(bits)/8
	switch {
	case code == formatPCM && bits == 8:
		w.value = func(b []byte) float64 { return float64(int(b[0])-128) * 256 }
	case code == formatPCM && (bits == 16 || bits == 24 || bits == 32):
		at := w.size - 2 // the two highest bytes are what 16 bits hold
		w.value = func(b []byte) float64 { return float64(int16(le.Uint16(b[at:]))) }
	case code == formatFloat && bits == 32:
		w.value = func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) * 32767 }
	case code == formatFloat && bits == 64:
		w.value = func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) * 32767 }
	case code == formatALaw && bits == 8:
		w.value = func(b []byte) float64 { return float64(aLaw(b[0])) }
	case code == formatMuLaw && bits == 8:
		w.value = func(b []byte) float64 { return float64(muLaw(b[0])) }
	default:
		return errNotPCM
	}
	w.every = max(1, w.rate/speechRate)
	w.frames = make([]byte, w.every*w.channels*w.size)
	return nil
}

// muLaw and aLaw expand a sample as ITU-T G.711 says.
func muLaw(b byte) int {
	b = ^b
	v := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return -v
	}
	return v
}

func aLaw(b byte) int {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if e := b >> 4 & 7; e > 0 {
		v = (v + 0x100) << (e - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

func (w *wav) Rate() int    { return w.rate / w.every }
func (w *wav) Close() error { return nil }

func (w *wav) Read(buf []int16) (int, error) {
	for n := range buf {
		if uint64(len(w.frames)) > w.left {
			return n, eofUnless(n)
		}
		if _, err := io.ReadFull(w.r, w.frames); err != nil {
			w.left = 0
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return n, eofUnless(n)
			}
			return n, err
		}
		w.left -= uint64(len(w.frames))
		sum := 0.0
		for i := 0; i < len(w.frames); i += w.size {
			sum += w.value(w.frames[i:])
		}
		sum /= float64(w.every * w.channels)
		switch {
		case sum > math.MaxInt16:
			sum = math.MaxInt16
		case sum < math.MinInt16:
			sum = math.MinInt16
		case sum != sum:
			sum = 0
		}
		buf[n] = int16(sum)
	}
	return len(buf), nil
}

func eofUnless(n int) error {
	if n == 0 {
		return io.EOF
	}
	return nil
}

// encodeWAV is a WAV file of samples.
func encodeWAV(rate int, s []int16) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, 44+2*len(s))
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+2*len(s)))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, formatPCM)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(2*rate))
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(2*len(s)))
	for _, v := range s {
		b = le.AppendUint16(b, uint16(v))
	}
	return b
}
