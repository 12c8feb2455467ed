"""From a file to a FaceClip: reader, face tracker, ROIs, the one pass."""
