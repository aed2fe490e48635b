package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Crop;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.Condition;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.MaskedPictures;
import dev.sfumato.model.Posterior;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Size;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Latents of a frozen autoencoder, and captions read by text encoders, which may learn. */
final class LatentTask implements DenoisingTask {
  private static final System.Logger log = System.getLogger(LatentTask.class.getName());
  private static final String NO_TEXT = "";
  private static final String TEXT_ENCODER = "text_encoder";

  private final StableDiffusionPipeline pipeline;
  private final Module network;
  private final LatentCache cache;
  private final RowCache<Picture> moments;
  private final RowCache<String> texts;
  private final Set<String> known = new HashSet<>(Set.of(NO_TEXT));

  /**
   * A picture of a batch.
   *
   * @param moving whether another part of it is taken or hidden in each epoch
   */
  private record Picture(Tensor image, boolean moving) {}

  /**
   * @param cache the place for encoded pictures and captions
   */
  LatentTask(StableDiffusionPipeline pipeline, LatentCache cache) {
    this.pipeline = pipeline;
    this.cache = cache;
    network = pipeline.learners();
    moments =
        new RowCache<>(
            cache.store(
                () ->
                    "vae-"
                        + fingerprint(
                            pipeline.autoencoder().parameters(),
                            "groups: " + pipeline.autoencoder().config().normNumGroups())),
            LatentTask::key,
            picture -> moments(picture.image()));
    texts =
        new RowCache<>(
            cache.store(() -> "text-" + fingerprint(textEncoders(), pipeline.textSettings())),
            this::key,
            this::packed);
  }

  private Map<String, Tensor> textEncoders() {
    Map<String, Tensor> weights = new TreeMap<>(network.parameters());
    weights.keySet().removeIf(name -> !name.startsWith(TEXT_ENCODER));
    return weights;
  }

  /** Names networks by their weights, the settings that these do not tell, and the rounding. */
  private String fingerprint(Map<String, Tensor> weights, String settings) {
    return Fingerprint.of(
        weights, settings + " " + denoiser().device().type() + " " + pipeline.precision());
  }

  @Override
  public Module network() {
    return network;
  }

  @Override
  public LatentDenoiser denoiser() {
    return pipeline.denoiser();
  }

  /** Requires pictures with captions, in the autoencoder's channels and sizes. */
  @Override
  public void prepare(Dataset dataset, Objective objective) {
    if (dataset.captions().isEmpty()) {
      throw new SfumatoException(
          "the model learns from texts, but the pictures have none: name their column with"
              + " `captionColumn`, or add a metadata.jsonl with file_name and text");
    }
    known.addAll(dataset.captions());
    requireKind();
    AutoencoderKL autoencoder = pipeline.autoencoder();
    DenoisingTask.requireChannels(dataset, autoencoder.config().inChannels());
    requireSizes(dataset, autoencoder.config().reduction());
    warnOfCrops(dataset);
    warnOfCuts(dataset);
  }

  private static void requireSizes(Dataset dataset, int scale) {
    for (int i = 0; i < dataset.size(); i++) {
      Size size = dataset.frame(i).size();
      if (size.height() % scale != 0 || size.width() % scale != 0) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "pictures of %s pixels are not a multiple of %d, the size of a latent: see"
                    + " `resolution`",
                size,
                scale));
      }
    }
  }

  /** Warns of pictures that the cache does not keep. */
  private void warnOfCrops(Dataset dataset) {
    if (cache.kind() == LatentCache.Kind.NONE) {
      return;
    }
    long moving = IntStream.range(0, dataset.size()).filter(i -> dataset.frame(i).moving()).count();
    if (moving > 0) {
      log.log(
          Level.WARNING,
          String.format(
              Locale.ROOT,
              "%s of %s pictures are cropped at random, so each epoch encodes them again: with"
                  + " `centerCrop` they are encoded once",
              moving,
              dataset.size()));
    }
  }

  /** Warns of captions that are longer than the text encoders read. */
  private void warnOfCuts(Dataset dataset) {
    IntSummaryStatistics unread =
        dataset.captions().stream()
            .mapToInt(pipeline::unreadTokens)
            .filter(tokens -> tokens > 0)
            .summaryStatistics();
    if (unread.getCount() > 0) {
      log.log(
          Level.WARNING,
          String.format(
              Locale.ROOT,
              "%d of %d captions are too long for the text encoder, which does not read their last"
                  + " tokens, %d at most: put first what matters",
              unread.getCount(),
              dataset.size(),
              unread.getMax()));
    }
  }

  private void requireKind() {
    UNet2DConditionConfig unet = denoiser().unet().config();
    if (unet.timeCondProjDim().isPresent()) {
      throw new SfumatoException(
          "the model has its guidance distilled into it (time_cond_proj_dim): such models cannot be"
              + " trained");
    }
    try (Scope scope = Scope.open()) {
      Condition read = pipeline.texts(List.of(NO_TEXT));
      long width = read.tokens().orElseThrow().size(2);
      if (width != textWidth(unet)) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "the text has states of %d numbers, but the U-Net reads %d: use the U-Net's own text"
                    + " encoder",
                width,
                textWidth(unet)));
      }
      long pooled = read.vector().map(v -> v.size(1)).orElse(0L);
      if (pooled != pooledWidth(unet)) { // it has a score in place of two of the six sizes
        throw new SfumatoException(
            "the model refines pictures of another: such models cannot be trained");
      }
    }
  }

  @Override
  public Tensor samples(Batch batch, Draws draws) {
    Tensor noise = posteriorNoise(batch, draws);
    return batch.size() == 0 ? noise : latents(pictures(batch), noise);
  }

  @Override
  public Optional<Tensor> channels(Batch batch, Draws draws) {
    if (!denoiser().readsMasks()) {
      return Optional.empty();
    }
    Tensor numbers = draws.uniform(Redrawn.NUMBERS);
    Tensor noise = posteriorNoise(batch, draws);
    if (batch.size() == 0) {
      return Optional.empty();
    }
    return Optional.of(Scope.run(() -> channels(batch, Redrawn.of(batch, numbers), noise)));
  }

  /** Returns the noise of the posterior of pictures. */
  private Tensor posteriorNoise(Batch batch, Draws draws) {
    AutoencoderKL autoencoder = pipeline.autoencoder();
    int scale = autoencoder.config().reduction();
    long[] shape = batch.images().shape();
    return draws.normal(autoencoder.config().latentChannels(), shape[2] / scale, shape[3] / scale);
  }

  private Tensor latents(List<Picture> pictures, Tensor noise) {
    return Scope.run(
        () -> {
          AutoencoderKL autoencoder = pipeline.autoencoder();
          Device device = denoiser().device();
          Tensor encoded = moments.of(pictures, device);
          long channels = noise.size(1);
          Posterior posterior =
              new Posterior(encoded.narrow(1, 0, channels), encoded.narrow(1, channels, channels));
          return autoencoder.scale(posterior.at(noise.to(device)));
        });
  }

  private static List<Picture> pictures(Batch batch) {
    return IntStream.range(0, batch.size())
        .mapToObj(i -> new Picture(batch.images().narrow(0, i, 1), isMoving(batch, i)))
        .toList();
  }

  private static boolean isMoving(Batch batch, int picture) {
    return batch.crops().get(picture).frame().moving();
  }

  /** Returns the masks and the latents of what they leave of the pictures. */
  private Tensor channels(Batch batch, List<Redrawn> redrawn, Tensor noise) {
    long height = batch.images().size(2);
    long width = batch.images().size(3);
    List<Tensor> masks =
        redrawn.stream().map(part -> Tensor.of(part.mask(), 1, 1, height, width)).toList();
    MaskedPictures masked = new MaskedPictures(batch.images(), Tensor.cat(masks, 0));
    Tensor known = masked.known();
    List<Picture> pictures = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      boolean again = redrawn.get(i).leavesTheSame(isMoving(batch, i));
      pictures.add(new Picture(known.narrow(0, i, 1), !again));
    }
    return masked.channels(latents(pictures, noise));
  }

  /** Returns mean and logarithm of the variance of a picture's latents, (1, 2C, H, W). */
  private Tensor moments(Tensor picture) {
    Posterior posterior = pipeline.autoencoder().encode(picture.to(denoiser().device()));
    return Tensor.cat(List.of(posterior.mean(), posterior.logVariance()), 1);
  }

  /** Identifies a picture by its pixels, so flips, crops and changed files need no care. */
  private static Optional<String> key(Picture picture) {
    return picture.moving() ? Optional.empty() : Optional.of(Fingerprint.of(picture.image()));
  }

  /** Identifies a text. A disk keeps captions as they are written, and not with shuffled tags. */
  private Optional<String> key(String text) {
    return cache.kind() != LatentCache.Kind.DISK || known.contains(text)
        ? Optional.of(Fingerprint.of(text))
        : Optional.empty();
  }

  @Override
  public double dropout(Objective objective) {
    return objective.captionDropout();
  }

  @Override
  public Condition condition(Batch batch, boolean[] leftOut) {
    List<String> captions = new ArrayList<>(batch.captions());
    for (int i = 0; i < leftOut.length; i++) {
      if (leftOut[i]) {
        captions.set(i, NO_TEXT);
      }
    }
    Condition condition =
        learnsTexts()
            ? pipeline.texts(captions)
            : unpacked(texts.of(captions, denoiser().device()));
    boolean told = denoiser().unet().config().additionEmbedType().isPresent();
    return told ? condition.withSizes(sizes(batch).to(denoiser().device())) : condition;
  }

  /** Returns whether the text encoders change, so that nothing of them can be kept. */
  private boolean learnsTexts() {
    return network.trainableByName().keySet().stream().anyMatch(n -> n.startsWith(TEXT_ENCODER));
  }

  /** Returns the original height and width, top and left of the crop, and its size (B, 6). */
  private static Tensor sizes(Batch batch) {
    long[] numbers = batch.crops().stream().flatMapToLong(LatentTask::sizes).toArray();
    return Tensor.of(numbers, batch.size(), 6).to(DType.FLOAT32);
  }

  private static LongStream sizes(Crop crop) {
    Size original = crop.frame().original();
    Size size = crop.frame().size();
    return LongStream.of(
        original.height(), original.width(), crop.top(), crop.left(), size.height(), size.width());
  }

  /** Returns all that the U-Net reads of a text in one row. */
  private Tensor packed(String text) {
    Condition condition = pipeline.texts(List.of(text));
    Tensor tokens = condition.tokens().orElseThrow().reshape(1, -1);
    return condition.vector().map(v -> Tensor.cat(List.of(tokens, v), 1)).orElse(tokens);
  }

  private Condition unpacked(Tensor packed) {
    UNet2DConditionConfig unet = denoiser().unet().config();
    long pooled = pooledWidth(unet);
    long width = textWidth(unet);
    Tensor tokens = packed.narrow(1, 0, packed.size(1) - pooled);
    Condition condition = Condition.NONE.withTokens(tokens.reshape(packed.size(0), -1, width));
    return pooled == 0
        ? condition
        : condition.withVector(packed.narrow(1, packed.size(1) - pooled, pooled));
  }

  /** The numbers of a token's state, before the U-Net projects it if it does. */
  private static long textWidth(UNet2DConditionConfig unet) {
    return unet.encoderHidDim().orElse(unet.crossAttentionDim().get(0));
  }

  /** The length of the pooled text: what the embedding of six sizes leaves of its input. */
  private static long pooledWidth(UNet2DConditionConfig unet) {
    return unet.projectionClassEmbeddingsInputDim()
        .map(all -> all - 6L * unet.additionTimeEmbedDim().orElseThrow())
        .orElse(0L);
  }
}
