package dev.sfumato.model;

import dev.sfumato.tensor.Tensor;

/** A layer in which the pixels of a picture attend to each other, and to a text if there is one. */
sealed interface PixelAttention permits Attention, Transformer2DModel {
  /** Features (B, C, H, W) to the same shape. */
  Tensor forward(Tensor x, Told told);
}
