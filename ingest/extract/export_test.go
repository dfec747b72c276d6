package extract

import "time"

// SetOfficeTimeout shortens how long LibreOffice may take.
func SetOfficeTimeout(p *Pool, d time.Duration) { p.office.timeout = d }

// UTF16Bytes are the bytes of s as UTF-16, the lower byte first.
var UTF16Bytes = utf16Bytes
