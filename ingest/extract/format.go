package extract

import (
	"bytes"
	"path"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

// format is a row of the table: how a kind of file is recognised and read.
type format struct {
	name  string // for people: "PDF"
	media string // MediaType of documents that set none
	// match reports whether the bytes are of this kind.
	match func(p *probe) bool
	read  func(j *job, in ingest.Input) ([]ingest.Document, error)
}

// formats is the table, in the order in which rows are tried.
var formats []format

func init() {
	formats = []format{
		{"PDF", pdfMedia, isPDF, readPDF},
		{"recording", "audio/mpeg", isRecording, readRecording},
		{"OpenDocument file", "application/vnd.oasis.opendocument", isODF, readODF},
		{"EPUB book", "application/epub+zip", isEPUB, readEPUB},
		{"Word file", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", isDOCX, readDOCX},
		{"Excel file", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", isXLSX, readXLSX},
		{"PowerPoint file", "application/vnd.openxmlformats-officedocument.presentationml.presentation", isPPTX, readPPTX},
		{"encrypted Office file", "application/octet-stream", isEncryptedOffice, readEncryptedOffice},
		{"Outlook message", "application/vnd.ms-outlook", isMSG, readMSG},
		{"Hangul file", "application/x-hwp", isHWP, readHWP},
		{"Word 97 file", "application/msword", isWord97, readWord97},
		{"PowerPoint 97 file", "application/vnd.ms-powerpoint", isPowerPoint97, readPowerPoint97},
		{"Excel 97 file", "application/vnd.ms-excel", isExcel97, readExcel97},
		{"OneNote section", "application/onenote", isOneNote, readOneNote},
		{"Outlook store", "application/vnd.ms-outlook-pst", isPST, readPST},
		{"compiled help file", "application/vnd.ms-htmlhelp", isCHM, readCHM},
		{"RTF file", "application/rtf", isRTF, readRTF},
		{"Apple iWork file", "application/vnd.apple.iwork", isIWork, readIWork},
		{"ZIP archive", "application/zip", isZip, readZip},
		{"tar archive", "application/x-tar", isTar, readTar},
		{"gzip file", "application/gzip", isGzip, readGzip},
		{"bzip2 file", "application/x-bzip2", isBzip2, readBzip2},
		{"7z archive", "application/x-7z-compressed", is7z, read7z},
		{"Zstandard file", "application/zstd", isZstd, readZstd},
		{"Parquet file", "application/vnd.apache.parquet", isParquet, readParquet},
		{"xz file", "application/x-xz", isXZ, readXZ},
		{"mailbox", "application/mbox", isMbox, readMbox},
		{"mail", "message/rfc822", isMail, readMail},
		{"HTML page", "text/html", isHTML, readHTML},
		{"Markdown file", "text/markdown", isMarkdown, readMarkdown},
		{"notebook", "application/x-ipynb+json", isNotebook, readNotebook},
		{"JSON file", "application/json", isJSON, readJSON},
		{"XML file", "application/xml", isXML, readXML},
		{"subtitles", "text/vtt", isSubtitles, readSubtitles},
		{"markup", "text/plain", isMarkup, readMarkup},
		{"source code", "text/plain", isCode, readCode},
		{"configuration", "text/plain", isYAML, readYAML},
		{"table", "text/csv", isCSV, readCSV},
		{"text file", "text/plain", isText, readText},
	}
}

// unread names kinds of files that are known and not read, by their first bytes.
var unread = []struct{ magic, name string }{
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
	{"\xcf\xfa\xed\xfe", "a program"},
	{"\xca\xfe\xba\xbe", "a program"},
	{"\x89PNG\r\n\x1a\n", "an image (PNG)"},
	{"\xff\xd8\xff", "an image (JPEG)"},
	{"GIF8", "an image (GIF)"},
	{"BM", "an image (BMP)"},
	{"II*\x00", "an image (TIFF)"},
	{"MM\x00*", "an image (TIFF)"},
	{"RIFF", "an image or MIDI file (RIFF)"},
	{"Rar!", "a RAR archive, to be unpacked first"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"wOFF", "a font"},
	{"wOF2", "a font"},
	{"\x00\x01\x00\x00", "a font"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office file in the old binary format"},
}

// probe is a file as rows look at it; what is costly is computed once.
type probe struct {
	data []byte
	ext  string // of the name, lower case, with its dot
	base string // the name without folders

	charset   string // of text
	decoded   string // start of the text, decoded
	hasSample bool

	entries map[string]bool // of a ZIP archive
	streams map[string]bool // at the root of a compound file, lower case
}

func newProbe(name string, data []byte) *probe {
	base := path.Base(strings.ReplaceAll(name, "\\", "/"))
	return &probe{data: data, ext: strings.ToLower(path.Ext(base)), base: base}
}

func (p *probe) hasPrefix(magic string) bool { return bytes.HasPrefix(p.data, []byte(magic)) }

func (p *probe) named(exts ...string) bool {
	for _, e := range exts {
		if p.ext == e {
			return true
		}
	}
	return false
}

// sampleBytes is how much of a file is decoded to recognise it.
const sampleBytes = 8 << 10

// text is all of the file as text; false when sample does not hold it.
func (p *probe) text() (string, bool) {
	return p.decoded, p.decoded != "" && len(p.data) <= sampleBytes
}

// sample is the start of the file as text; "" when it is not text.
func (p *probe) sample() string {
	if !p.hasSample {
		p.hasSample = true
		head := p.data[:min(len(p.data), sampleBytes)]
		if cs := detectCharset(head, len(p.data) > len(head)); cs != "" {
			p.charset = cs
			p.decoded, _ = decode(head, cs)
		}
	}
	return p.decoded
}

// recognise finds the row for a file, or says in words what the file is.
func recognise(p *probe) (*format, string) {
	for i := range formats {
		if formats[i].match(p) {
			return &formats[i], ""
		}
	}
	for _, u := range unread {
		if p.hasPrefix(u.magic) {
			return nil, "this is " + u.name
		}
	}
	if len(p.data) > 12 && string(p.data[4:8]) == "ftyp" {
		return nil, "this is an image (MP4 family)"
	}
	return nil, "binary data of unknown kind"
}

// Supported reports whether a file that starts with head would be read. Head is
// its first kilobytes, or all of it; 8 KiB are enough. A false may be relied on,
// a true means that reading is worth trying.
func Supported(name string, head []byte) bool {
	if len(head) == 0 {
		return false
	}
	// What an old Office file is stands in its directory, which may be anywhere.
	f, _ := recognise(newProbe(name, head))
	return f != nil || isOLE(head)
}

func isText(p *probe) bool { return p.sample() != "" }
