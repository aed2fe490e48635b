package dev.sfumato.data;

/** Where the masks of pictures are: white counts in the loss, black does not. */
public enum Masks {
  /** Pictures count whole. */
  NONE,
  /** In files beside the pictures: {@code rose-masklabel.png} for {@code rose.jpg}. */
  FILE,
  /** In the pictures' alpha channel: what is transparent does not count. */
  ALPHA
}
