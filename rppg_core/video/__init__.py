"""From a file to a FaceClip: reader, face tracker, ROIs, and the single pass over the frames."""
