package dev.sfumato.data;

/** The choice between squares and the {@linkplain Buckets sizes} nearest to each picture's own. */
public enum Bucketing {
  /** If captions are required and the pictures would lie in several buckets. */
  AUTO,
  /** Each picture has the size of its bucket. */
  ON,
  /** All pictures are squares. */
  OFF
}
