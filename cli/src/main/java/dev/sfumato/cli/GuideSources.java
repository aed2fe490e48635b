package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.guidance.Inpainting;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The pictures, classifiers and CLIP models that guides are made of, as a model needs them. */
final class GuideSources implements AutoCloseable {
  private static final int WHITE = 128;

  private final int channels;
  private final int height;
  private final int width;
  private final Device device;
  private final List<PictureClassifier> classifiers = new ArrayList<>();
  private final Map<String, ClipModel> clips = new HashMap<>();

  GuideSources(int channels, SamplingOptions options, Device device) {
    this.channels = channels;
    this.height = options.height();
    this.width = options.width();
    this.device = device;
  }

  /** A picture, resized and cut to the size that is drawn: (1, C, H, W) in [-1, 1]. */
  Tensor fitted(Path file) {
    Pixels picture = PictureReader.read(file);
    double enlarged =
        Math.max((double) height / picture.height(), (double) width / picture.width());
    int newHeight = Math.max(height, (int) Math.round(picture.height() * enlarged));
    int newWidth = Math.max(width, (int) Math.round(picture.width() * enlarged));
    return tensor(Resize.to(picture, newHeight, newWidth).centerCrop(height, width));
  }

  /** A classifier of a directory, or the one of digits that ships for null. */
  PictureClassifier classifier(Path directory) {
    PictureClassifier classifier =
        directory == null ? PictureClassifier.digits() : PictureClassifier.load(directory);
    classifiers.add(classifier);
    classifier.to(device);
    return classifier;
  }

  /** The CLIP model of a directory, a file or a Hub id; one for all guides that name it. */
  ClipModel clip(String name) {
    return clips.computeIfAbsent(
        name,
        n -> {
          ClipModel clip = ClipModel.load(Downloads.clip(n));
          clip.to(device);
          return clip;
        });
  }

  /** A picture that is kept where its mask is dark. */
  Inpainting inpainting(Path file, Path mask) {
    Pixels picture = PictureReader.read(file);
    Pixels redraw = PictureReader.read(mask).gray();
    if (picture.height() != height || picture.width() != width) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: is %d x %d pixels, but the model draws %d x %d: resize it and its mask",
              file,
              picture.width(),
              picture.height(),
              width,
              height));
    }
    if (redraw.height() != height || redraw.width() != width) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: the mask is %d x %d pixels, but the picture %d x %d",
              mask,
              redraw.width(),
              redraw.height(),
              width,
              height));
    }
    float[] dark = new float[height * width];
    for (int i = 0; i < dark.length; i++) {
      dark[i] = (redraw.values()[i] & 0xff) < WHITE ? 1 : 0;
    }
    Tensor white = Tensor.of(dark, 1, 1, height, width).to(device).lessThan(0.5);
    return new Inpainting(tensor(picture), white);
  }

  private Tensor tensor(Pixels rgb) {
    Pixels pixels = channels == 1 ? rgb.gray() : rgb;
    if (pixels.channels() != channels) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "pictures can guide gray and RGB models, not one of %d channels",
              channels));
    }
    return Tensor.of(pixels.signed(), 1, channels, height, width).to(device);
  }

  @Override
  public void close() {
    classifiers.forEach(PictureClassifier::close);
    clips.values().forEach(ClipModel::close);
  }
}
