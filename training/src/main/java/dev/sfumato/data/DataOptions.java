package dev.sfumato.data;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.picture.Size;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Options for reading pictures.
 *
 * <p>Immutable. A setting is a field with its default, a method that reads it and one that returns
 * a copy with another value.
 */
public final class DataOptions implements Cloneable {
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

  private static final DataOptions DEFAULTS = new DataOptions();

  private int resolution = NATIVE;
  private boolean centerCrop = false;
  private Channels channels = Channels.AUTO;
  private OnBadImage onBadImage = OnBadImage.FAIL;
  private Split split = Split.TRAIN;
  private Columns columns = Columns.USUAL;
  private int threads = Math.max(2, Runtime.getRuntime().availableProcessors());
  private int cacheMegabytes = (int) Math.min(1024, Runtime.getRuntime().maxMemory() / 4_000_000);
  private Texts texts = Texts.OPTIONAL;
  private Masks masks = Masks.NONE;

  private DataOptions() {}

  private DataOptions with(Consumer<DataOptions> change) {
    try {
      DataOptions copy = (DataOptions) clone();
      change.accept(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Native resolution, random crop, the data's own channels, fail on bad pictures, train split,
   * usual columns, a thread for each processor but at least two, and a quarter of the heap but at
   * most 1024 MB for decoded pictures.
   */
  public static DataOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Returns the side of the square pictures in pixels; {@link #NATIVE} means an idx file's own
   * size, and 64 (as in diffusers' training scripts) for folders, whose pictures have many sizes.
   */
  public int resolution() {
    return resolution;
  }

  /**
   * Returns whether a picture that is not square is cropped to its middle; otherwise {@link
   * Batches} draws the place for every epoch, as without diffusers' {@code --center_crop}.
   */
  public boolean centerCrop() {
    return centerCrop;
  }

  /** Returns the colours of the pictures. */
  public Channels channels() {
    return channels;
  }

  /** Returns the treatment of files that are not pictures. */
  public OnBadImage onBadImage() {
    return onBadImage;
  }

  /** Returns the split to read. */
  public Split split() {
    return split;
  }

  /** Returns the columns of pictures, classes and captions in Parquet and metadata files. */
  public Columns columns() {
    return columns;
  }

  /** Returns the number of threads that decode pictures when a data set is opened. */
  public int threads() {
    return threads;
  }

  /** Returns the memory for decoded pictures in MB; pictures that do not fit are decoded again. */
  public int cacheMegabytes() {
    return cacheMegabytes;
  }

  /** Returns the requirements on captions. */
  public Texts texts() {
    return texts;
  }

  /** Returns the source of the pictures' masks. */
  public Masks masks() {
    return masks;
  }

  /**
   * Returns a copy with another resolution.
   *
   * @throws InvalidOptionException if it is negative or above 8192
   */
  public DataOptions withResolution(int pixels) {
    require(
        pixels >= 0 && pixels <= 8192,
        "`resolution` " + pixels + ": must be between 1 and 8192 pixels");
    return with(options -> options.resolution = pixels);
  }

  /** Returns a copy with or without centre crop. */
  public DataOptions withCenterCrop(boolean center) {
    return with(options -> options.centerCrop = center);
  }

  /** Returns a copy with other channels. */
  public DataOptions withChannels(Channels colours) {
    return with(options -> options.channels = colours);
  }

  /** Returns a copy with another treatment of bad pictures. */
  public DataOptions withOnBadImage(OnBadImage policy) {
    return with(options -> options.onBadImage = policy);
  }

  /** Returns a copy for another split. */
  public DataOptions withSplit(Split part) {
    return with(options -> options.split = part);
  }

  /** Returns a copy for other columns. */
  public DataOptions withColumns(Columns names) {
    return with(options -> options.columns = names);
  }

  /**
   * Returns a copy with another number of threads.
   *
   * @throws InvalidOptionException if it is not between 1 and 1024
   */
  public DataOptions withThreads(int count) {
    require(count >= 1 && count <= 1024, "`dataThreads` " + count + ": must be between 1 and 1024");
    return with(options -> options.threads = count);
  }

  /**
   * Returns a copy with more or less memory for decoded pictures.
   *
   * @throws InvalidOptionException if it is negative
   */
  public DataOptions withCacheMegabytes(int megabytes) {
    require(megabytes >= 0, "`dataCache` " + megabytes + ": must not be negative");
    return with(options -> options.cacheMegabytes = megabytes);
  }

  /** Returns a copy with other requirements on captions. */
  public DataOptions withTexts(Texts other) {
    return with(options -> options.texts = other);
  }

  /** Returns a copy with another source of masks. */
  public DataOptions withMasks(Masks source) {
    return with(options -> options.masks = source);
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
