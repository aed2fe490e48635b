package dev.sfumato.data;

/**
 * The source of masks: white parts of a picture count in the loss, black ones do not. An inpainting
 * model learns to draw the white parts anew.
 */
public enum Masks {
  /** Pictures count whole. */
  NONE,
  /** In files beside the pictures: {@code rose-masklabel.png} for {@code rose.jpg}. */
  FILE,
  /** In the pictures' alpha channel: what is transparent does not count. */
  ALPHA
}
