package dev.sfumato.data;

/** Whether pictures keep their proportions, as far as {@link Buckets} go. */
public enum Bucketing {
  /** If captions are required and the pictures would lie in several buckets. */
  AUTO,
  /** Each picture has the size of its bucket. */
  ON,
  /** All pictures are squares. */
  OFF
}
