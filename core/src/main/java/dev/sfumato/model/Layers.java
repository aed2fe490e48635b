package dev.sfumato.model;

import java.util.function.IntUnaryOperator;

/**
 * The residual blocks of a level.
 *
 * @param count the number of blocks
 * @param settings the settings that they share
 * @param scale divides the output of each
 * @param groups gives the groups of the normalisation of a number of channels
 */
record Layers(int count, ResnetBlock.Settings settings, double scale, IntUnaryOperator groups) {
  /** Returns the same blocks with another count. */
  Layers withCount(int count) {
    return new Layers(count, settings, scale, groups);
  }

  /** Returns the shape of a block from {@code in} to {@code out} channels. */
  ResnetBlock.Shape shape(int in, int out) {
    return ResnetBlock.Shape.of(in, out, groups.applyAsInt(in), groups.applyAsInt(out))
        .scaled(scale);
  }

  /** Makes a block from {@code in} to {@code out} channels. */
  ResnetBlock resnet(int in, int out) {
    return new ResnetBlock(settings, shape(in, out));
  }

  /** Makes a block of {@code channels} that halves. */
  ResnetBlock halving(int channels) {
    return new ResnetBlock(settings, shape(channels, channels).resampled(Resampler::half));
  }

  /** Makes a block of {@code channels} that doubles. */
  ResnetBlock doubling(int channels) {
    return new ResnetBlock(settings, shape(channels, channels).resampled(Resampler::twice));
  }
}
