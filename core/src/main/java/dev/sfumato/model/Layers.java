package dev.sfumato.model;

import java.util.function.IntUnaryOperator;

/**
 * The residual blocks of a level.
 *
 * @param count how many
 * @param settings what they share
 * @param groups from a number of channels to the groups of their normalisation
 */
record Layers(int count, ResnetBlock.Settings settings, IntUnaryOperator groups) {
  /** The same blocks in another number. */
  Layers withCount(int count) {
    return new Layers(count, settings, groups);
  }

  /** What differs in a block from {@code in} to {@code out} channels. */
  ResnetBlock.Shape shape(int in, int out) {
    return ResnetBlock.Shape.of(in, out, groups.applyAsInt(in), groups.applyAsInt(out));
  }

  /** A block from {@code in} to {@code out} channels. */
  ResnetBlock resnet(int in, int out) {
    return new ResnetBlock(settings, shape(in, out));
  }

  /** A block of {@code channels} that halves. */
  ResnetBlock halving(int channels) {
    return new ResnetBlock(settings, shape(channels, channels).resampled(Resampler::half));
  }

  /** A block of {@code channels} that doubles. */
  ResnetBlock doubling(int channels) {
    return new ResnetBlock(settings, shape(channels, channels).resampled(Resampler::twice));
  }
}
