"""From a face to a report: the methods beside their control, vitals, confidence and consensus."""
