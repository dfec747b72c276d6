package extract

import "time"

// SetOfficeTimeout shortens how long LibreOffice may take.
func SetOfficeTimeout(p *Pool, d time.Duration) { p.office.timeout = d }
