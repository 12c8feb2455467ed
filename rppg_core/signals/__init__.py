"""Signal maths on plain arrays: filters, spectra, beats, quality. Floor 1: numpy alone."""
