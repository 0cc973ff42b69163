package api

import "net/http"

// getBackup streams a backup of the node's store. What goes wrong after the first byte cuts the
// connection, and the manifest at the end is missing.
func (s *Server) getBackup(w *response, r *http.Request) error {
	if s.deps.Backup == nil {
		return s.notFound(w, r)
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Content-Disposition", `attachment; filename="p2pchain-backup.tar"`)
	if out.err == nil {
		out.err = s.deps.Backup(r.Context(), out)
	}
	return out.end()
}
