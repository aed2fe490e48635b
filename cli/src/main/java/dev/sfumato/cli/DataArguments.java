package dev.sfumato.cli;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Bucketing;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Masks;
import picocli.CommandLine.Option;

/** Options for reading the pictures of a run. */
final class DataArguments {
  @Option(
      names = "--data",
      required = true,
      paramLabel = "DATA",
      description =
          "A folder of pictures (subfolders are classes; metadata.jsonl and metadata.csv are read),"
              + " of Parquet files or of MNIST-format idx files, a Parquet file, a zip or tar of"
              + " pictures, hf:org/name[@revision], mnist or fashion-mnist.")
  String data;

  @Option(
      names = "--split",
      paramLabel = "NAME",
      defaultValue = "train",
      description =
          "Part of the pictures to use if folders or files are named after splits: train,"
              + " validation, test or all (default: ${DEFAULT-VALUE}, or the pictures in no split"
              + " if none is named so).")
  DataOptions.Split split;

  @Option(
      names = "--image-column",
      paramLabel = "NAME",
      description = "Parquet column of pictures (default: the first with pictures).")
  String imageColumn;

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      description = "Parquet or metadata column of classes (default: label, if there is one).")
  String labelColumn;

  @Option(
      names = "--caption-column",
      paramLabel = "NAME",
      description =
          "Parquet or metadata column of captions (default: text or caption, if there is one);"
              + " where it is empty, the .txt or .caption file beside a picture.")
  String captionColumn;

  @Option(
      names = "--instance-prompt",
      paramLabel = "TEXT",
      description = "Text-to-image models: the caption of pictures that have none.")
  String instancePrompt;

  @Option(
      names = "--resolution",
      paramLabel = "N",
      description =
          "Side of the square pictures in pixels (default: the model's own; a new model takes"
              + " its preset's, else 28 with MNIST files, 64 with folders).")
  int resolution;

  @Option(
      names = "--center-crop",
      negatable = true,
      fallbackValue = "true",
      description = "Crop pictures that are not square to their middle instead of a random part.")
  boolean centerCrop;

  @Option(
      names = "--buckets",
      negatable = true,
      fallbackValue = "true",
      description =
          "Text-to-image models: keep the pictures' proportions, in sizes of nearly the same area;"
              + " a batch has pictures of one size (default: if they differ in shape).")
  Boolean buckets;

  @Option(
      names = "--masks",
      paramLabel = "none|file|alpha",
      description =
          "Masks of what counts in the loss: in files beside the pictures, such as"
              + " rose-masklabel.png for rose.jpg, white where it counts, or in the pictures' alpha"
              + " channel; an inpainting model redraws what is white (default: ${DEFAULT-VALUE}).")
  Masks masks;

  @Option(
      names = "--flip",
      negatable = true,
      fallbackValue = "true",
      description = "Mirror half of the pictures (default: ${DEFAULT-VALUE}).")
  boolean flip;

  @Option(
      names = "--shuffle",
      negatable = true,
      fallbackValue = "true",
      description = "Draw a new order for each epoch (default: ${DEFAULT-VALUE}).")
  boolean shuffle;

  @Option(
      names = "--shuffle-tags",
      negatable = true,
      fallbackValue = "true",
      description =
          "Text-to-image models: give the tags of each caption, which commas separate, a new order"
              + " each time (default: ${DEFAULT-VALUE}).")
  boolean shuffleTags;

  @Option(
      names = "--keep-tokens",
      paramLabel = "N",
      description =
          "Tags that --shuffle-tags leaves at the beginning, such as a trigger word (default:"
              + " ${DEFAULT-VALUE}).")
  int keepTokens;

  @Option(
      names = "--channels",
      paramLabel = "auto|rgb|gray",
      description = "Colours (default: auto, gray for MNIST files and rgb for others).")
  DataOptions.Channels channels;

  @Option(
      names = "--on-bad-image",
      paramLabel = "skip|fail",
      description = "Treatment of files that are not pictures (default: ${DEFAULT-VALUE}).")
  DataOptions.OnBadImage onBadImage;

  @Option(
      names = "--data-threads",
      paramLabel = "N",
      description =
          "Threads that decode pictures in advance (default: one per processor, at least 2).")
  Integer dataThreads;

  @Option(
      names = "--data-cache",
      paramLabel = "MB",
      description =
          "Memory for decoded pictures; others are decoded in every epoch (default: 1024, but at"
              + " most a quarter of the heap).")
  Integer dataCache;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description = "Pictures of a micro-batch (default: ${DEFAULT-VALUE}).")
  int batchSize;

  DataOptions options() {
    DataOptions usual = DataOptions.defaults();
    DataOptions.Texts texts =
        usual
            .texts()
            .withBuckets(buckets == null ? Bucketing.AUTO : buckets ? Bucketing.ON : Bucketing.OFF);
    return usual
        .withResolution(resolution)
        .withCenterCrop(centerCrop)
        .withChannels(channels)
        .withOnBadImage(onBadImage)
        .withSplit(split)
        .withColumns(new DataOptions.Columns(imageColumn, labelColumn, captionColumn))
        .withTexts(instancePrompt == null ? texts : texts.withPrompt(instancePrompt))
        .withMasks(masks)
        .withThreads(dataThreads == null ? usual.threads() : dataThreads)
        .withCacheMegabytes(dataCache == null ? usual.cacheMegabytes() : dataCache);
  }

  BatchOptions batches() {
    return BatchOptions.defaults()
        .withBatchSize(batchSize)
        .withShuffle(shuffle)
        .withFlip(flip)
        .withTags(new BatchOptions.Tags(shuffleTags, keepTokens));
  }
}
