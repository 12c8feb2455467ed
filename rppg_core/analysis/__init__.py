"""From a face to a report: methods, controls, vitals, confidence and consensus."""
