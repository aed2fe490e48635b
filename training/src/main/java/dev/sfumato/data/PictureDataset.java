package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Size;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Pictures of a source, decoded.
 *
 * <p>Every picture is decoded once when the data set is opened, because only decoding reveals a
 * damaged one. Scaled pictures are kept as bytes within the memory that the options allow; the
 * others are decoded again when needed.
 */
final class PictureDataset implements Dataset {
  private static final System.Logger log = System.getLogger(PictureDataset.class.getName());

  private static final int FEW = 3;
  private static final int SHORT = 250; // characters

  private final PictureSource source;
  private final int[] pictures; // their numbers in the source
  private final Annotations annotations;
  private final DataOptions options;
  private final Optional<Buckets> buckets;
  private final AtomicReferenceArray<Frame> frames;
  private final AtomicReferenceArray<Prepared> kept;
  private final AtomicLong room;
  private final PictureMasks masks;
  private final MaskFindings maskFindings = new MaskFindings(); // of those that were scanned

  /** A picture and its mask, which is empty if the picture counts whole. */
  private record Prepared(Pixels pixels, Optional<Pixels> mask) {
    int bytes() {
      return pixels.values().length + mask.map(m -> m.values().length).orElse(0);
    }
  }

  private PictureDataset(
      PictureSource source,
      int[] pictures,
      Annotations annotations,
      DataOptions options,
      Optional<Buckets> buckets,
      AtomicLong room) {
    this.source = source;
    this.pictures = pictures;
    this.annotations = annotations;
    this.options = options;
    this.buckets = buckets;
    this.frames = new AtomicReferenceArray<>(pictures.length);
    this.kept = new AtomicReferenceArray<>(pictures.length);
    this.room = room;
    this.masks = new PictureMasks(source, options.masks());
  }

  /**
   * Opens a source, decoding all of it.
   *
   * @param look gets what a survey finds before that
   * @throws SfumatoException if captions are required and missing, before any decoding, or files
   *     are not pictures
   */
  static PictureDataset open(
      PictureSource source, DataOptions options, Optional<Consumer<Survey>> look) {
    Optional<Survey> survey =
        look.isPresent() || options.texts().required()
            ? Optional.of(Survey.of(source, options))
            : Optional.empty();
    survey.ifPresent(found -> look.ifPresent(l -> l.accept(found)));
    Annotations annotations = Captions.of(source, options.texts());
    int[] pictures = IntStream.range(0, source.size()).toArray();
    AtomicLong room = new AtomicLong(options.cacheMegabytes() * 1_000_000L);
    PictureDataset all =
        new PictureDataset(
            source, pictures, annotations, options, survey.flatMap(Survey::buckets), room);
    SortedMap<Integer, String> bad = all.scan();
    PictureDataset good = bad.isEmpty() ? all : all.without(bad);
    if (good.hasMasks()) {
      all.maskFindings.tell(source.origin(), options.masks(), good.size());
    }
    return good;
  }

  /** Decodes all pictures and returns the faults of the bad ones. */
  private SortedMap<Integer, String> scan() {
    SortedMap<Integer, String> bad = new ConcurrentSkipListMap<>();
    IntConsumer decode =
        index -> {
          try {
            maskFindings.add(source.name(index), mask(index));
          } catch (SfumatoException e) {
            bad.put(index, e.getMessage());
          }
        };
    ForkJoinPool threads = new ForkJoinPool(options.threads());
    try {
      threads.submit(() -> IntStream.range(0, size()).parallel().forEach(decode)).join();
    } finally {
      threads.shutdownNow();
    }
    return bad;
  }

  private PictureDataset without(SortedMap<Integer, String> bad) {
    if (options.onBadImage() == DataOptions.OnBadImage.FAIL) {
      String all = String.join("; ", bad.values());
      boolean few = bad.size() <= FEW && all.length() <= SHORT;
      if (!few) { // more than the line of an error holds
        bad.values().forEach(reason -> log.log(Level.ERROR, reason));
      }
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%d of %d files cannot be used as pictures (`onBadImage` skip leaves them out): %s",
              bad.size(),
              size(),
              few ? all : "listed above, the first is " + bad.get(bad.firstKey())));
    }
    bad.values().forEach(reason -> log.log(Level.WARNING, "skipped " + reason));
    if (bad.size() == size()) {
      throw new SfumatoException(
          source.origin() + ": none of the " + size() + " files can be read as a picture");
    }
    int[] good = IntStream.range(0, size()).filter(i -> !bad.containsKey(i)).toArray();
    // A class without good pictures stays, so that labels mean the same on every machine.
    PictureDataset rest =
        new PictureDataset(source, good, annotations.of(good), options, buckets, room);
    for (int i = 0; i < good.length; i++) {
      rest.frames.set(i, frames.get(good[i]));
      rest.kept.set(i, kept.get(good[i]));
    }
    return rest;
  }

  @Override
  public int size() {
    return pictures.length;
  }

  @Override
  public int channels() {
    return options.channels() == DataOptions.Channels.GRAY ? 1 : 3;
  }

  @Override
  public int height() {
    return options.side();
  }

  @Override
  public int width() {
    return options.side();
  }

  @Override
  public List<String> classNames() {
    return annotations.classNames();
  }

  @Override
  public int label(int index) {
    if (annotations.classNames().isEmpty()) {
      throw new IllegalStateException("these pictures have no classes");
    }
    return annotations.labels()[index];
  }

  @Override
  public List<String> captions() {
    return annotations.captions();
  }

  @Override
  public int repeats(int index) {
    return annotations.repeatsOf(index);
  }

  @Override
  public Pixels pixels(int index) {
    return prepared(index).pixels();
  }

  @Override
  public boolean hasMasks() {
    return options.masks() != Masks.NONE;
  }

  @Override
  public Optional<Pixels> mask(int index) {
    return prepared(index).mask();
  }

  private Prepared prepared(int index) {
    Prepared known = kept.get(index);
    if (known != null) {
      return known;
    }
    String name = source.name(pictures[index]);
    byte[] bytes = source.read(pictures[index]);
    Pixels decoded = PictureReader.read(bytes, name);
    Frame frame = frame(index, decoded, name);
    Prepared prepared =
        new Prepared(
            options.prepare(decoded, frame),
            masks.of(pictures[index], bytes, frame).map(mask -> options.scale(mask, frame)));
    if (room.addAndGet(-prepared.bytes()) >= 0) {
      kept.set(index, prepared);
    } else {
      room.addAndGet(prepared.bytes());
    }
    return prepared;
  }

  @Override
  public Frame frame(int index) {
    return frames.get(index); // every picture was decoded once
  }

  /** Returns how a decoded picture gets its size, which must not change during a run. */
  private Frame frame(int index, Pixels picture, String name) {
    Frame frame = options.frame(new Size(picture.height(), picture.width()), buckets);
    if (frame.scaled().area() > PictureReader.MAX_PIXELS) { // a strip
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: %s pixels are too narrow to scale to a resolution of %d",
              name,
              frame.original(),
              options.side()));
    }
    Frame before = frames.get(index);
    if (before != null && !before.size().equals(frame.size())) {
      throw new SfumatoException(
          name + ": the file was changed, its picture has other proportions");
    }
    frames.set(index, frame);
    return frame;
  }
}
