// A video that came with the page's answer and is on no disk: base64 in an attribute, played from the browser's memory.

class MagnifiedVideo extends HTMLElement {
  connectedCallback() {
    const bytes = Uint8Array.from(atob(this.getAttribute("mp4")), (letter) => letter.charCodeAt(0));
    this.address = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
    this.querySelector("video").src = this.address;
  }

  disconnectedCallback() {
    URL.revokeObjectURL(this.address);
  }
}
customElements.define("rppg-magnified", MagnifiedVideo);
