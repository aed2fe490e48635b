package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.GuideSources;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.guidance.Inpainting;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.picture.NamedPicture;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Pictures and CLIP models for one sampling; pictures belong to the current scope. */
final class LoadedSources implements GuideSources, AutoCloseable {
  private static final System.Logger log = System.getLogger(LoadedSources.class.getName());
  private static final int WHITE = 128;

  /** A way to give a picture another size. */
  private interface Scaling {
    Pixels to(Pixels picture, int height, int width);
  }

  private final int channels;
  private final int height;
  private final int width;
  private final Device device;
  private final Precision precision;
  private final Map<String, ClipModel> clips = new HashMap<>();

  LoadedSources(DiffusionPipeline pipeline, int height, int width) {
    this.channels = pipeline.pictureChannels();
    this.height = height;
    this.width = width;
    this.device = pipeline.denoiser().device();
    this.precision = pipeline.precision().ofGradients();
  }

  /** Returns the guidance of {@code options}, with the guides that they only describe. */
  Guidance guidance(SamplingOptions options) {
    List<ScheduledGuide> guides = new ArrayList<>(options.guidance().guides());
    List<String> names = GuideSpec.names(options.guides());
    for (int i = 0; i < names.size(); i++) {
      guides.add(options.smoothed(options.guides().get(i).make(names.get(i), this)));
    }
    return options.guidance().withGuides(guides);
  }

  /** Returns the picture for a model of latents to start from, stretched as in diffusers. */
  Tensor start(NamedPicture picture) {
    return tensor(stretched(picture.pixels().get()));
  }

  private Pixels stretched(Pixels picture) {
    return haveSize(picture, height, width)
        ? picture
        : Resize.to(picture, height, width, Resize.Filter.LANCZOS);
  }

  @Override
  public Tensor picture(Path file) {
    return picture(NamedPicture.in(file));
  }

  /** Returns the picture for a model of pixels to start from. */
  Tensor picture(NamedPicture picture) {
    return tensor(fitted(picture.pixels().get(), Resize::to));
  }

  /** A picture scaled until it covers the size that is drawn, and cut to it in the middle. */
  private Pixels fitted(Pixels picture, Scaling scaling) {
    double enlarged =
        Math.max((double) height / picture.height(), (double) width / picture.width());
    int newHeight = Math.max(height, (int) Math.round(picture.height() * enlarged));
    int newWidth = Math.max(width, (int) Math.round(picture.width() * enlarged));
    return scaling.to(picture, newHeight, newWidth).centerCrop(height, width);
  }

  @Override
  public ClipModel clip(String name) {
    if (!clips.containsKey(name)) {
      Path files = Hub.fromEnvironment().locate(name, ModelFiles::clip, ProgressListener.NONE);
      clips.put(name, ClipModel.load(files)); // to be closed, also if it cannot move
      clips.get(name).to(device);
      clips.get(name).precision(precision);
    }
    return clips.get(name);
  }

  /** The known part of {@code from} for a model of pixels: where {@code mask} is dark. */
  Inpainting inpainting(NamedPicture from, NamedPicture mask) {
    Pixels picture = from.pixels().get();
    Pixels redraw = mask.pixels().get().gray();
    requireOneShape(picture, redraw, mask.name());
    noteIfResized(from.name(), picture);
    noteIfResized(mask.name(), redraw);
    return new Inpainting(
        tensor(fitted(picture, Resize::to)),
        white(fitted(redraw, Resize::nearest)).neg().lessThan(0));
  }

  /**
   * Returns the mask for a model of latents, 1 where it is white and 0 elsewhere: (1, 1, H, W). It
   * is stretched like {@link #start}.
   */
  Tensor mask(NamedPicture from, NamedPicture mask) {
    Pixels redraw = mask.pixels().get();
    requireOneShape(from.pixels().get(), redraw, mask.name());
    return white(stretched(redraw).gray());
  }

  /** Returns a grey picture (1, C, H, W). */
  Tensor grey() {
    return Tensor.zeros(1, channels, height, width).to(device);
  }

  private Tensor white(Pixels gray) {
    float[] white = new float[height * width];
    for (int i = 0; i < white.length; i++) {
      white[i] = (gray.values()[i] & 0xff) < WHITE ? 0 : 1;
    }
    return Tensor.of(white, 1, 1, height, width).to(device);
  }

  private void requireOneShape(Pixels picture, Pixels redraw, String mask) {
    if (!haveSize(redraw, height, width) && !areAlike(picture, redraw)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: the mask is %d x %d pixels, but the picture %d x %d: give them one shape",
              mask,
              redraw.width(),
              redraw.height(),
              picture.width(),
              picture.height()));
    }
  }

  private static boolean haveSize(Pixels picture, int height, int width) {
    return picture.height() == height && picture.width() == width;
  }

  /** Returns true if two pictures have the same proportions, up to the rounding of a pixel. */
  private static boolean areAlike(Pixels a, Pixels b) {
    return Math.abs((double) a.width() / a.height() * b.height() - b.width()) < 1;
  }

  private void noteIfResized(String name, Pixels picture) {
    if (!haveSize(picture, height, width)) {
      log.log(
          System.Logger.Level.INFO,
          String.format(
              Locale.ROOT,
              "%s: resized from %d x %d to %d x %d pixels%s",
              name,
              picture.width(),
              picture.height(),
              width,
              height,
              (long) picture.width() * height == (long) picture.height() * width
                  ? ""
                  : ", its edges cut off"));
    }
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
    clips.values().forEach(ClipModel::close);
  }
}
