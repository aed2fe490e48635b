package dev.sfumato.examples;

import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.picture.Pixels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Pictures of one size with a caption for each, such as {@code a smiling face with red hair,
 * glasses, blue background}: phrases between commas.
 *
 * @param pixels the pictures, RGB
 * @param captions their captions
 */
record CaptionedPictures(List<Pixels> pixels, List<String> captions) implements Dataset {

  /** Reads data sets in the forms of {@code --data}, scaled to {@code side} pixels. */
  static CaptionedPictures read(List<String> data, int side) {
    DataOptions options =
        DataOptions.defaults()
            .withResolution(side)
            .withCenterCrop(true)
            .withChannels(DataOptions.Channels.RGB);
    List<Pixels> pixels = new ArrayList<>();
    List<String> captions = new ArrayList<>();
    for (String name : data) {
      Dataset dataset = Datasets.open(name, options);
      IntStream.range(0, dataset.size()).mapToObj(dataset::pixels).forEach(pixels::add);
      captions.addAll(dataset.captions());
    }
    return new CaptionedPictures(pixels, captions);
  }

  @Override
  public int size() {
    return captions.size();
  }

  @Override
  public int channels() {
    return pixels.get(0).channels();
  }

  @Override
  public int height() {
    return pixels.get(0).height();
  }

  @Override
  public int width() {
    return pixels.get(0).width();
  }

  @Override
  public List<String> classNames() {
    return List.of();
  }

  @Override
  public int label(int index) {
    throw new IllegalStateException("the pictures have no classes");
  }

  @Override
  public Pixels pixels(int index) {
    return pixels.get(index);
  }

  /** Returns the pictures of the captions that are not among {@link #heldOut(int)}. */
  CaptionedPictures training(int inTwenty) {
    return where(caption -> !isHeldOut(caption, inTwenty));
  }

  /** Returns the pictures of the captions held out, so many in twenty, whatever the order. */
  CaptionedPictures heldOut(int inTwenty) {
    return where(caption -> isHeldOut(caption, inTwenty));
  }

  private static boolean isHeldOut(String caption, int inTwenty) {
    return Math.floorMod(caption.hashCode(), 20) < inTwenty;
  }

  /** Returns these pictures and others. */
  CaptionedPictures with(CaptionedPictures others) {
    return new CaptionedPictures(
        Stream.concat(pixels.stream(), others.pixels.stream()).toList(),
        Stream.concat(captions.stream(), others.captions.stream()).toList());
  }

  CaptionedPictures where(Predicate<String> kept) {
    int[] places = IntStream.range(0, size()).filter(i -> kept.test(captions.get(i))).toArray();
    return new CaptionedPictures(
        Arrays.stream(places).mapToObj(pixels::get).toList(),
        Arrays.stream(places).mapToObj(captions::get).toList());
  }

  /** Returns the phrases of a caption. */
  static List<String> phrases(String caption) {
    return List.of(caption.split(", | with | and "));
  }

  /**
   * Returns whether {@code text} is true of a picture with {@code caption}: each of its phrases is
   * part of a phrase of the caption. So "red hair" is true of "a face with short red hair, tan
   * skin".
   */
  static boolean holds(List<String> text, List<String> caption) {
    return text.stream()
        .allMatch(
            said ->
                caption.stream().anyMatch(seen -> (' ' + seen + ' ').contains(' ' + said + ' ')));
  }
}
