package dev.sfumato.picture;

/** The size of a picture, in pixels. */
public record Size(int height, int width) {
  /** Returns the number of pixels. */
  public long area() {
    return (long) height * width;
  }

  /** Returns the size in the usual order, such as {@code 640 x 480} for one that lies. */
  @Override
  public String toString() {
    return width + " x " + height;
  }
}
