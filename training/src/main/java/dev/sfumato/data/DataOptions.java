package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.picture.Size;
import java.util.Locale;
import java.util.Optional;

/**
 * Options for reading pictures; {@link #defaults} gives their defaults.
 *
 * @param resolution side of the square pictures in pixels; {@link #NATIVE} means an idx file's own
 *     size, and 64 (as in diffusers' training scripts) for folders, whose pictures have many sizes
 * @param centerCrop crops a picture that is not square to its middle; otherwise {@link Batches}
 *     draws the place for every epoch, as without diffusers' {@code --center_crop}
 * @param channels colours of the pictures
 * @param onBadImage the treatment of files that are not pictures
 * @param split the split to read
 * @param columns the columns of pictures, classes and captions in Parquet and metadata files
 * @param threads the number of threads that decode pictures when a data set is opened
 * @param cacheMegabytes memory for decoded pictures; pictures that do not fit are decoded again
 * @param texts what pictures for a text-to-image model need
 * @param masks where the masks of the pictures are
 */
public record DataOptions(
    int resolution,
    boolean centerCrop,
    Channels channels,
    OnBadImage onBadImage,
    Split split,
    Columns columns,
    int threads,
    int cacheMegabytes,
    Texts texts,
    Masks masks) {

  /** A {@link #resolution} that means the data's own size, if there is one. */
  public static final int NATIVE = 0;

  /** The default resolution of folders. */
  static final int FOLDER_RESOLUTION = 64;

  /** Colours of the pictures. */
  public enum Channels {
    /** The data's own channels: gray for idx files, RGB for picture files. */
    AUTO,
    /** Three channels; gray pictures are repeated. */
    RGB,
    /** One channel, the luma of coloured pictures. */
    GRAY
  }

  /** The treatment of files that are not pictures. */
  public enum OnBadImage {
    /** Leave them out, with a warning for each. */
    SKIP,
    /** Stop before training begins, naming all of them. */
    FAIL
  }

  /** A part of the pictures, as spelled in {@code --split}. */
  public enum Split {
    /** Training pictures: {@code train-*} of idx files, folders and files named train. */
    TRAIN,
    /** Folders and files named validation, valid, val or dev. */
    VALIDATION,
    /** {@code t10k-*} of idx files, folders and files named test or eval. */
    TEST,
    /** All pictures, whatever the names of folders and files; not for idx files. */
    ALL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Names of columns; an empty name stands for the usual one.
   *
   * @param image usually the first column of pictures; Parquet only
   * @param label usually {@code label}
   * @param caption usually {@code text} or {@code caption}
   */
  public record Columns(String image, String label, String caption) {
    /** The usual names. */
    public static final Columns USUAL = new Columns("", "", "");
  }

  /**
   * Requirements on the captions of pictures for a text-to-image model.
   *
   * @param required whether every picture must have a caption; then the pictures of a folder named
   *     like {@code 10_red rose} are taken 10 times in an epoch, and the rest of its name is the
   *     caption of those without another
   * @param prompt the caption of pictures that have none
   * @param buckets whether pictures keep their proportions, more or less
   */
  public record Texts(boolean required, Optional<String> prompt, Bucketing buckets) {
    /** Captions are read where there are any. */
    public static final Texts OPTIONAL = new Texts(false, Optional.empty(), Bucketing.AUTO);

    /** Returns the same with or without a caption for every picture. */
    public Texts withRequired(boolean on) {
      return new Texts(on, prompt, buckets);
    }

    /** Returns the same with a caption for pictures that have none. */
    public Texts withPrompt(String text) {
      return new Texts(required, Optional.of(text), buckets);
    }

    /** Returns the same with another choice of proportions. */
    public Texts withBuckets(Bucketing other) {
      return new Texts(required, prompt, other);
    }
  }

  /** Checks the numbers. */
  public DataOptions {
    if (resolution < 0 || resolution > 8192) {
      throw new SfumatoException(
          "`resolution` " + resolution + ": must be between 1 and 8192 pixels");
    }
    if (threads < 1 || threads > 1024) {
      throw new SfumatoException("`dataThreads` " + threads + ": must be between 1 and 1024");
    }
    if (cacheMegabytes < 0) {
      throw new SfumatoException("`dataCache` " + cacheMegabytes + ": must not be negative");
    }
  }

  /**
   * Native resolution, random crop, the data's own channels, fail on bad pictures, train split,
   * usual columns, a thread for each processor but at least two, and a quarter of the heap but at
   * most 1024 MB for decoded pictures.
   */
  public static DataOptions defaults() {
    return new DataOptions(
        NATIVE,
        false,
        Channels.AUTO,
        OnBadImage.FAIL,
        Split.TRAIN,
        Columns.USUAL,
        Math.max(2, Runtime.getRuntime().availableProcessors()),
        (int) Math.min(1024, Runtime.getRuntime().maxMemory() / 4_000_000),
        Texts.OPTIONAL,
        Masks.NONE);
  }

  /** Returns these options with another resolution. */
  public DataOptions withResolution(int pixels) {
    return new DataOptions(
        pixels,
        centerCrop,
        channels,
        onBadImage,
        split,
        columns,
        threads,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options with or without centre crop. */
  public DataOptions withCenterCrop(boolean center) {
    return new DataOptions(
        resolution,
        center,
        channels,
        onBadImage,
        split,
        columns,
        threads,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options with other channels. */
  public DataOptions withChannels(Channels colours) {
    return new DataOptions(
        resolution,
        centerCrop,
        colours,
        onBadImage,
        split,
        columns,
        threads,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options with another way to treat bad pictures. */
  public DataOptions withOnBadImage(OnBadImage policy) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        policy,
        split,
        columns,
        threads,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options for another split. */
  public DataOptions withSplit(Split part) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        onBadImage,
        part,
        columns,
        threads,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options for other columns. */
  public DataOptions withColumns(Columns names) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        onBadImage,
        split,
        names,
        threads,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options with other threads. */
  public DataOptions withThreads(int count) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        onBadImage,
        split,
        columns,
        count,
        cacheMegabytes,
        texts,
        masks);
  }

  /** Returns these options with more or less memory for decoded pictures. */
  public DataOptions withCacheMegabytes(int megabytes) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        onBadImage,
        split,
        columns,
        threads,
        megabytes,
        texts,
        masks);
  }

  /** Returns these options for other needs of a text-to-image model. */
  public DataOptions withTexts(Texts other) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        onBadImage,
        split,
        columns,
        threads,
        cacheMegabytes,
        other,
        masks);
  }

  /** Returns these options with masks from another place. */
  public DataOptions withMasks(Masks place) {
    return new DataOptions(
        resolution,
        centerCrop,
        channels,
        onBadImage,
        split,
        columns,
        threads,
        cacheMegabytes,
        texts,
        place);
  }

  /** Returns the side of square pictures in pixels, also if it was left open. */
  int side() {
    return resolution == NATIVE ? FOLDER_RESOLUTION : resolution;
  }

  /** Returns how a picture of a folder gets its size. */
  Frame frame(Size picture, Optional<Buckets> buckets) {
    return buckets
        .map(all -> Frame.covering(picture, all.nearest(picture), !centerCrop))
        .orElseGet(() -> Frame.square(picture, side(), !centerCrop));
  }

  /** Scales (and, with centre crop, crops) a picture and converts its colours. */
  Pixels prepare(Pixels picture, Frame frame) {
    Pixels coloured =
        switch (channels) {
          case AUTO -> picture;
          case RGB -> picture.rgb();
          case GRAY -> picture.gray();
        };
    return scale(coloured, frame);
  }

  /** Scales (and, with centre crop, crops) a picture. */
  Pixels scale(Pixels picture, Frame frame) {
    Pixels scaled = Resize.to(picture, frame.scaled().height(), frame.scaled().width());
    return centerCrop ? scaled.centerCrop(frame.size().height(), frame.size().width()) : scaled;
  }
}
