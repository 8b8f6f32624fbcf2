package packages

func (l *loader) rpm() error { return nil }
