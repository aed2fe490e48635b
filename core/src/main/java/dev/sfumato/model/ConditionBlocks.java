package dev.sfumato.model;

import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/** Makes the blocks of a {@link UNet2DConditionModel}. */
record ConditionBlocks(UNet2DConditionConfig config) {

  /** Makes the block of level {@code i} on the way down, 0 the finest. */
  DownBlock down(int i) {
    int out = channels(i);
    DownBlock.Place place = new DownBlock.Place(channels(Math.max(i - 1, 0)), out, i == last());
    String type = config.downBlockTypes().get(i);
    Layers layers = config.layers(i, type);
    return new PlainDownBlock(
        place,
        layers,
        attention(type, i, config.depths(i)),
        type.equals("ResnetDownsampleBlock2D")
            ? () -> layers.halving(out)
            : () -> new Resampler.HalvingConv(out, config.downsamplePadding()));
  }

  /** Makes block {@code i} of the way up, 0 at the coarsest level. */
  UpBlock up(int i) {
    int level = last() - i;
    int out = channels(level);
    UpBlock.Place place =
        new UpBlock.Place(
            channels(Math.max(level - 1, 0)),
            channels(Math.min(level + 1, last())),
            out,
            level == 0);
    String type = config.upBlockTypes().get(i);
    Layers layers = config.layers(level, type);
    return new PlainUpBlock(
        place,
        layers.withCount(layers.count() + 1),
        attention(type, level, config.depthsUp(level)),
        type.equals("ResnetUpsampleBlock2D")
            ? () -> layers.doubling(out)
            : () -> new Resampler.DoublingConv(out));
  }

  private IntFunction<Transformer2DModel> attention(
      String type, int level, PerLevel<Integer> depths) {
    return type.startsWith("CrossAttn")
        ? i -> new Transformer2DModel(config.transformer(level, depths.get(i)), channels(level))
        : null;
  }

  /** Makes the block in the middle, if the model has one. */
  Optional<MidBlock> middle() {
    return config.midBlockType().map(this::middle);
  }

  private MidBlock middle(String type) {
    boolean attention = type.equals("UNetMidBlock2DCrossAttn");
    int channels = channels(last());
    Transformer2DModel.Settings settings =
        config.transformer(last(), config.depths(last()).get(0)).forBoth();
    return new MidBlock(
        MidBlock.resnets(
            attention ? 2 : 1, config.layers(last(), type), channels, config.midBlockScaleFactor()),
        attention ? List.of(new Transformer2DModel(settings, channels)) : List.of());
  }

  private int channels(int level) {
    return config.blockOutChannels().get(level);
  }

  private int last() {
    return config.levels() - 1;
  }
}
