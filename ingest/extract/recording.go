package extract

import (
	"bytes"
	"fmt"

	"github.com/lore-kb/lore/ingest"
)

// recordings are kinds of sound and film by their first bytes.
var recordings = []struct{ magic, media, name string }{
	{"ID3", "audio/mpeg", "MP3"},
	{"fLaC", "audio/flac", "FLAC"},
	{"OggS", "audio/ogg", "Ogg"},
	{"#!AMR", "audio/amr", "AMR"},
	{"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "video/x-ms-asf", "Windows Media"},
}

// Recording returns the media type of a file that starts with head when it is
// sound or film; "" when it is not.
func Recording(head []byte) string {
	for _, r := range recordings {
		if bytes.HasPrefix(head, []byte(r.magic)) {
			return r.media
		}
	}
	if len(head) < 12 {
		return ""
	}
	form := string(head[8:12])
	switch string(head[:4]) {
	case "RIFF", "RF64":
		switch form {
		case "WAVE":
			return "audio/wav"
		case "AVI ":
			return "video/x-msvideo"
		}
	case "FORM":
		if form == "AIFF" || form == "AIFC" {
			return "audio/aiff"
		}
	case "\x1aE\xdf\xa3":
		if bytes.Contains(head[:min(len(head), 64)], []byte("webm")) {
			return "video/webm"
		}
		return "video/x-matroska"
	}
	if string(head[4:8]) == "ftyp" {
		return mp4Kind(form)
	}
	if isMPEGAudio(head) {
		return "audio/mpeg"
	}
	if isADTS(head) {
		return "audio/aac"
	}
	return ""
}

// mp4Kind tells what the brand of an MP4 file holds; images of the family are
// none of ours.
func mp4Kind(brand string) string {
	switch brand[:3] {
	case "M4A", "M4B", "F4A":
		return "audio/mp4"
	case "3gp", "3g2":
		return "video/3gpp"
	case "qt ":
		return "video/quicktime"
	case "hei", "hev", "mif", "avi", "crx", "msf", "jxl", "jp2":
		return ""
	}
	return "video/mp4"
}

// isMPEGAudio reports whether two frames of MPEG layer 3 follow each other: the
// eleven bits that begin a frame stand in other files as well.
func isMPEGAudio(b []byte) bool {
	n := mpegFrame(b)
	return n > 0 && (len(b) < n+4 || mpegFrame(b[n:]) > 0)
}

// mpegFrame is the length of a layer 3 frame, 0 for other bytes.
func mpegFrame(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe6 != 0xe2 {
		return 0
	}
	version := b[1] >> 3 & 3 // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
	bitrate, rate, padding := int(b[2]>>4), int(b[2]>>2&3), int(b[2]>>1&1)
	if version == 1 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return 0
	}
	rates := [3]int{44100, 48000, 32000}
	if version == 3 {
		kbit := [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[bitrate]
		return 144000*kbit/rates[rate] + padding
	}
	kbit := [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[bitrate]
	hz := rates[rate] / 2
	if version == 0 {
		hz /= 2
	}
	return 72000*kbit/hz + padding
}

// isADTS reports whether two frames of AAC follow each other.
func isADTS(b []byte) bool {
	frame := func(b []byte) int {
		if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 || b[2]>>2&15 > 12 {
			return 0
		}
		return int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	}
	n := frame(b)
	return n > 7 && (len(b) < n+7 || frame(b[n:]) > 7)
}

func isRecording(p *probe) bool { return Recording(p.data) != "" }

// maxRecordings bounds the recordings inside one file, in bytes.
const maxRecordings = 48 << 20

// readRecording hands a recording on to whoever transcribes it.
func readRecording(j *job, in ingest.Input) ([]ingest.Document, error) {
	if j.depth > 0 {
		if j.recorded += len(in.Data); j.recorded > maxRecordings {
			return nil, fmt.Errorf("%w: more than %d MB of recordings in one file", ingest.ErrTooLarge, maxRecordings>>20)
		}
	}
	return []ingest.Document{{MediaType: Recording(in.Data), Recording: in.Data}}, nil
}
