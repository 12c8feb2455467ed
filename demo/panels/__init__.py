"""From a report to what each part of the page shows: one small function a part, no gradio, no state."""
