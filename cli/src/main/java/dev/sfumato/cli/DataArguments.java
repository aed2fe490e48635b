package dev.sfumato.cli;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.DataOptions;
import picocli.CommandLine.Option;

/** Which pictures a run reads, and how. */
final class DataArguments {
  @Option(
      names = "--data",
      required = true,
      paramLabel = "DATA",
      description =
          "A folder of pictures (subfolders are classes), a folder of MNIST-format idx files, mnist"
              + " or fashion-mnist.")
  String data;

  @Option(
      names = "--resolution",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Side of the square pictures in pixels (default: 28 for MNIST files, 64 for folders).")
  int resolution;

  @Option(
      names = "--center-crop",
      negatable = true,
      defaultValue = "false",
      fallbackValue = "true",
      description = "Cut the middle out of a picture that is not square, not a random part.")
  boolean centerCrop;

  @Option(
      names = "--flip",
      negatable = true,
      defaultValue = "false",
      fallbackValue = "true",
      description = "Mirror half of the pictures (default: ${DEFAULT-VALUE}).")
  boolean flip;

  @Option(
      names = "--shuffle",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Draw a new order for each epoch (default: ${DEFAULT-VALUE}).")
  boolean shuffle;

  @Option(
      names = "--channels",
      paramLabel = "rgb|gray",
      defaultValue = "auto",
      description = "Colours (default: gray for MNIST files, rgb for folders).")
  DataOptions.Channels channels;

  @Option(
      names = "--on-bad-image",
      paramLabel = "skip|fail",
      defaultValue = "fail",
      description = "What to do with files that are no pictures (default: ${DEFAULT-VALUE}).")
  DataOptions.OnBadImage onBadImage;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "16",
      description = "Pictures of a micro-batch (default: ${DEFAULT-VALUE}).")
  int batchSize;

  DataOptions options() {
    return DataOptions.defaults()
        .withResolution(resolution)
        .withCenterCrop(centerCrop)
        .withChannels(channels)
        .withOnBadImage(onBadImage);
  }

  BatchOptions batches(long seed) {
    return new BatchOptions(batchSize, shuffle, flip, seed);
  }
}
