package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.io.JsonValue;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Prepares decoded pictures for a CLIP network: resizes and cuts them to a square, then computes
 * {@code (x - mean) / std} for each colour, x in [0, 1]. It resizes like Pillow, as in open_clip.
 *
 * @param resize the smaller edge after resizing, in pixels
 * @param crop height and width of the central part that is kept
 * @param squash whether both edges become {@code resize}, at any proportions
 * @param roundDown whether a half pixel in the offset of that part is rounded down instead of to an
 *     even number
 * @param filter the interpolation of pixels
 * @param mean of red, green and blue
 * @param std standard deviations of red, green and blue
 */
public record ImagePreprocessing(
    int resize,
    int crop,
    boolean squash,
    boolean roundDown,
    Resize.Filter filter,
    List<Float> mean,
    List<Float> std) {
  private static final List<Float> OPENAI_MEAN = List.of(0.48145466f, 0.4578275f, 0.40821073f);
  private static final List<Float> OPENAI_STD = List.of(0.26862954f, 0.26130258f, 0.27577711f);

  /** Checks that the part fits and that no deviation is zero. */
  public ImagePreprocessing {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    if (resize < crop) {
      throw new SfumatoException(
          "pictures of " + resize + " pixels cannot be cut to " + crop + ": see crop_size");
    }
    if (mean.size() != 3
        || std.size() != 3
        || !mean.stream().allMatch(Float::isFinite)
        || !std.stream().allMatch(s -> s > 0 && Float.isFinite(s))) {
      throw new SfumatoException("mean and std must be three numbers each, std above 0");
    }
  }

  /** Returns the preprocessing of OpenAI's models. */
  static ImagePreprocessing openAi(int imageSize) {
    return new ImagePreprocessing(
        imageSize, imageSize, false, false, Resize.Filter.BICUBIC, OPENAI_MEAN, OPENAI_STD);
  }

  /** Reads open_clip's {@code preprocess_cfg}. */
  static ImagePreprocessing openClip(JsonObject settings, int imageSize) {
    String mode = settings.text("resize_mode", "shortest");
    if (!mode.equals("shortest") && !mode.equals("squash")) {
      throw new SfumatoException(
          settings.source()
              + "resize_mode '"
              + mode
              + "' is not supported: shortest and squash are");
    }
    return new ImagePreprocessing(
        imageSize,
        imageSize,
        mode.equals("squash"),
        false,
        settings.text("interpolation", "bicubic").equals("bilinear")
            ? Resize.Filter.BILINEAR
            : Resize.Filter.BICUBIC,
        colors(settings, "mean", OPENAI_MEAN),
        colors(settings, "std", OPENAI_STD));
  }

  /**
   * Reads transformers' {@code preprocessor_config.json}.
   *
   * @throws SfumatoException if it does not make pictures of {@code imageSize} pixels
   */
  static ImagePreprocessing transformers(JsonObject settings, int imageSize) {
    boolean squash = isObject(settings, "size") && settings.child("size").has("height");
    int resize = side(settings, "size", imageSize);
    int crop =
        settings.flag("do_center_crop", true) ? side(settings, "crop_size", imageSize) : resize;
    if (crop != imageSize) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%scrop_size makes pictures of %d pixels, but the model reads %d",
              settings.source(),
              crop,
              imageSize));
    }
    Resize.Filter filter =
        switch (settings.integer("resample", 3)) {
          case 2 -> Resize.Filter.BILINEAR;
          case 3 -> Resize.Filter.BICUBIC;
          default ->
              throw new SfumatoException(
                  settings.source() + "resample must be 2 (bilinear) or 3 (bicubic)");
        };
    boolean normalize = settings.flag("do_normalize", true);
    return new ImagePreprocessing(
        resize,
        crop,
        squash,
        true,
        filter,
        normalize ? colors(settings, "image_mean", OPENAI_MEAN) : List.of(0f, 0f, 0f),
        normalize ? colors(settings, "image_std", OPENAI_STD) : List.of(1f, 1f, 1f));
  }

  /** Reads a value for each of red, green and blue: three numbers, or one for all. */
  private static List<Float> colors(JsonObject settings, String key, List<Float> fallback) {
    if (!settings.has(key)) {
      return fallback;
    }
    JsonValue given = settings.get(key);
    List<Double> colors =
        given.value() instanceof List ? given.numbers() : Collections.nCopies(3, given.number());
    if (colors.size() != 3) {
      throw given.wrong("three numbers");
    }
    return colors.stream().map(Double::floatValue).toList();
  }

  private static boolean isObject(JsonObject settings, String key) {
    return settings.has(key) && settings.get(key).value() instanceof Map;
  }

  /** Reads one number, or an object with the shortest edge, or with equal height and width. */
  private static int side(JsonObject settings, String key, int fallback) {
    if (!isObject(settings, key)) {
      return settings.integer(key, fallback);
    }
    JsonObject size = settings.child(key);
    int side = size.get(size.has("shortest_edge") ? "shortest_edge" : "height").integer();
    if (size.integer("width", side) != side) {
      throw new SfumatoException(size.source() + "width must be equal to the height");
    }
    return side;
  }

  /**
   * Prepares pictures of any size.
   *
   * @return (B, 3, crop, crop)
   */
  public Tensor apply(List<Pixels> pictures) {
    int values = 3 * crop * crop;
    float[] all = new float[pictures.size() * values];
    for (int i = 0; i < pictures.size(); i++) {
      write(square(pictures.get(i).rgb()), all, i * values);
    }
    return Tensor.of(all, pictures.size(), 3, crop, crop);
  }

  private Pixels square(Pixels picture) {
    Pixels resized =
        squash
            ? Resize.to(picture, resize, resize, filter)
            : Resize.smallerEdge(picture, resize, filter);
    return roundDown
        ? resized.crop((resized.height() - crop) / 2, (resized.width() - crop) / 2, crop, crop)
        : resized.centerCrop(crop, crop);
  }

  private void write(Pixels picture, float[] target, int offset) {
    byte[] values = picture.values();
    int plane = crop * crop;
    for (int i = 0; i < values.length; i++) {
      int color = i / plane;
      target[offset + i] = ((values[i] & 0xff) / 255f - mean.get(color)) / std.get(color);
    }
  }

  /**
   * Computes {@code (x - mean) / std} of pictures of the right size; gradients reach the pictures.
   *
   * @param images (B, 3, H, W) in [0, 1]
   */
  public Tensor normalize(Tensor images) {
    return images.sub(perColor(mean, images)).div(perColor(std, images));
  }

  private static Tensor perColor(List<Float> values, Tensor images) {
    float[] three = {values.get(0), values.get(1), values.get(2)};
    return Constant.on(images.device(), three, 1, 3, 1, 1);
  }
}
