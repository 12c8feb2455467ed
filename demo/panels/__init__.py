"""From a report to what each part of the page shows: one small function per part, no gradio, no state."""
