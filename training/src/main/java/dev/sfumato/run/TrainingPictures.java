package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.checkpoint.ModelParts;
import dev.sfumato.data.Bucketing;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.HeldOut;
import dev.sfumato.data.Survey;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.picture.Size;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The pictures of a training.
 *
 * @param name the name of the data, in a form that {@link Datasets#open} accepts
 * @param opened the pictures, if they are open already
 * @param options the options for reading them
 * @param validation the pictures to measure on
 */
record TrainingPictures(
    String name, Optional<Dataset> opened, DataOptions options, Validation validation) {
  /** The option of a caption for pictures that have none, in {@code config.json}. */
  static final String PROMPT = "instance_prompt";

  private static final System.Logger log = System.getLogger(TrainingPictures.class.getName());

  /**
   * Validation pictures; if neither is given, the validation or test split of the data, or else the
   * first of the training pictures.
   *
   * @param data other pictures, in a form that {@link Datasets#open} accepts
   * @param share the share of the pictures to hold out, 0 for none
   */
  record Validation(Optional<String> data, double share) {
    static final Validation USUAL = new Validation(Optional.empty(), 0);

    Validation {
      if (!(share >= 0 && share < 1)) {
        throw new SfumatoException("`validationShare` must be in [0, 1), but is " + share);
      }
      if (share > 0 && data.isPresent()) {
        throw new SfumatoException("`validationData` and `validationShare` exclude each other");
      }
    }
  }

  static TrainingPictures named(String name) {
    return new TrainingPictures(name, Optional.empty(), DataOptions.defaults(), Validation.USUAL);
  }

  static TrainingPictures of(Dataset dataset) {
    return new TrainingPictures(
        "pictures", Optional.of(dataset), DataOptions.defaults(), Validation.USUAL);
  }

  TrainingPictures with(DataOptions other) {
    return new TrainingPictures(name, opened, other, validation);
  }

  TrainingPictures with(Validation other) {
    return new TrainingPictures(name, opened, options, other);
  }

  /**
   * Returns a copy with the size and the colours of a model, unless others were requested.
   *
   * @throws SfumatoException if the model draws pictures that are not square
   */
  TrainingPictures following(TrainedModel.Source model) {
    Shape shape = Shape.of(model.path(), model.options());
    int sides = Set.copyOf(shape.size).size();
    if (options.resolution() == DataOptions.NATIVE && sides > 1 && opened.isEmpty()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: draws pictures of %d x %d pixels (height x width), but training takes squares:"
                  + " choose their side with `resolution`",
              model.path(),
              shape.size.get(0),
              shape.size.get(1)));
    }
    TrainingPictures followed = sides == 1 ? ofSize(shape.size.get(0)) : this;
    if (options.channels() == DataOptions.Channels.AUTO) {
      followed = followed.with(followed.options.withChannels(channels(shape.channels)));
    }
    return shape.texts ? followed.captioned() : followed.plain();
  }

  /** Returns a copy for a model that learns from texts: every picture needs a caption. */
  TrainingPictures captioned() {
    return with(options.withTexts(options.texts().withRequired(true)));
  }

  /**
   * Returns these pictures for a model without texts.
   *
   * @throws SfumatoException if buckets are asked for
   */
  TrainingPictures plain() {
    if (options.texts().buckets() == Bucketing.ON) {
      throw new SfumatoException("`buckets` needs a text-to-image model: leave it out");
    }
    return this;
  }

  /** The size and the channels of a model's pictures, and whether it learns from texts. */
  private record Shape(List<Integer> size, int channels, boolean texts) {
    static Shape of(Path model, LoadingOptions options) {
      if (StableDiffusionPipeline.isIn(model)) {
        try (ModelParts parts = ModelParts.of(model, options.reading())) {
          AutoencoderKLConfig own = parts.autoencoder();
          AutoencoderKLConfig vae =
              options.vae().map(path -> AutoencoderFile.config(path, own)).orElse(own);
          List<Integer> latents = parts.unet().sampleSize();
          return new Shape(
              latents.stream().map(side -> side * vae.reduction()).toList(),
              vae.outChannels(),
              true);
        }
      }
      UNet2DConfig unet = PixelPipeline.unetConfig(model);
      return new Shape(unet.sampleSize(), unet.outChannels(), false);
    }
  }

  /** The same, with this side in pixels where nothing else was asked for. */
  TrainingPictures ofSize(int side) {
    return options.resolution() == DataOptions.NATIVE ? with(options.withResolution(side)) : this;
  }

  private static DataOptions.Channels channels(int count) {
    return count == 1 ? DataOptions.Channels.GRAY : DataOptions.Channels.RGB;
  }

  /**
   * Opens the pictures for training and for validation.
   *
   * @param look gets what a survey of pictures with captions finds, before they are decoded
   */
  HeldOut open(long seed, Consumer<Survey> look) {
    Dataset all =
        opened.orElseGet(
            () ->
                options.texts().required()
                    ? Datasets.open(name, options, look)
                    : Datasets.open(name, options));
    if (validation.share() > 0) {
      return HeldOut.share(all, validation.share(), seed);
    }
    if (validation.data().isPresent()) {
      return new HeldOut(all, other(all, validation.data().get()));
    }
    return new HeldOut(all, opened.isPresent() ? all : own(all));
  }

  private Dataset other(Dataset all, String data) {
    DataOptions same =
        options
            .withResolution(all.height())
            .withChannels(channels(all.channels()))
            .withSplit(DataOptions.Split.TRAIN);
    return Datasets.openValidationSplit(data, same).orElseGet(() -> Datasets.open(data, same));
  }

  /** Opens the data's own validation or test pictures, if they suit the training pictures. */
  private Dataset own(Dataset all) {
    Optional<Dataset> own = Datasets.openValidationSplit(name, options);
    if (own.isPresent() && !own.get().classNames().equals(all.classNames())) {
      log.log(
          Level.WARNING,
          String.format(
              Locale.ROOT,
              "the validation pictures of %s have no classes, or other ones: the loss is measured on the"
                  + " training pictures",
              name));
      return all;
    }
    return own.orElse(all);
  }

  /** Returns every option as requested, by its name in {@code config.json}. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("data", name);
    settings.put("split", options.split().toString());
    settings.put("image_column", options.columns().image());
    settings.put("label_column", options.columns().label());
    settings.put("caption_column", options.columns().caption());
    options.texts().prompt().ifPresent(text -> settings.put(PROMPT, text));
    settings.put("resolution", options.resolution());
    settings.put("center_crop", options.centerCrop());
    settings.put("channels", word(options.channels()));
    settings.put("on_bad_image", word(options.onBadImage()));
    settings.put("masks", word(options.masks()));
    validation.data().ifPresent(data -> settings.put("validation_data", data));
    settings.put("validation_share", validation.share());
    return settings;
  }

  /** Returns the resolved values of options that were left open. */
  static Map<String, Object> settings(Dataset dataset) {
    return Map.of(
        "resolution",
        dataset.height(),
        "channels",
        word(channels(dataset.channels())),
        "buckets",
        IntStream.range(0, dataset.size()).anyMatch(i -> !isUsual(dataset, i)));
  }

  private static boolean isUsual(Dataset dataset, int picture) {
    return dataset.frame(picture).size().equals(new Size(dataset.height(), dataset.width()));
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
