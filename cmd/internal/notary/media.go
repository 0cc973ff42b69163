package notary

import (
	"mime"
	"net/http"
	"path/filepath"
	"strings"
)

// MediaType returns what a file seems to be: by the ending of its name where that is well known, by its
// first bytes else. It is the same on every machine, since no table of the system is asked.
func MediaType(name string, head []byte) string {
	if known := byEnding(strings.ToLower(filepath.Ext(name))); known != "" {
		return known
	}
	found := http.DetectContentType(head)
	if len(head) == 0 {
		return "application/octet-stream"
	}
	if kind, params, err := mime.ParseMediaType(found); err == nil && strings.EqualFold(params["charset"], "utf-8") {
		return kind // that bytes are UTF-8 so far says nothing of the rest
	}
	return found
}

// byEnding returns the registered types of endings that people notarise.
func byEnding(ending string) string {
	const office = "application/vnd.openxmlformats-officedocument."
	types := map[string]string{
		".pdf": "application/pdf", ".txt": "text/plain", ".log": "text/plain", ".md": "text/markdown", ".csv": "text/csv",
		".html": "text/html", ".htm": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript",
		".json": "application/json", ".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml",
		".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".svg": "image/svg+xml",
		".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff", ".heic": "image/heic",
		".mp3": "audio/mpeg", ".wav": "audio/vnd.wave", ".flac": "audio/flac", ".ogg": "audio/ogg",
		".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime",
		".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip", ".zst": "application/zstd", ".tar": "application/x-tar",
		".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
		".docx": office + "wordprocessingml.document", ".xlsx": office + "spreadsheetml.sheet", ".pptx": office + "presentationml.presentation",
		".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
		".eml": "message/rfc822", ".epub": "application/epub+zip", ".rtf": "application/rtf",
	}
	return types[ending]
}
