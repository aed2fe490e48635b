package dev.sfumato.examples;

import dev.sfumato.clip.ClipConfig;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.clip.ClipNetwork;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.clip.ImagePreprocessing;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Resize;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.Draws;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingLoss;
import dev.sfumato.training.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Trains a small CLIP (Radford et al., 2021, <a
 * href="https://arxiv.org/abs/2103.00020">arXiv:2103.00020</a>) on captioned pictures, from
 * scratch: a vision transformer and a text transformer learn to map a picture and its caption to
 * nearby vectors. One caption in twenty is held out; {@link MeasureClip} measures on those.
 */
public final class TrainClip {
  private static final int SIDE = 32;
  private static final int CONTEXT = 40; // tokens; the longest caption of the faces has 38
  private static final int MERGES = 8000; // of 48,894: a table of 8,514 tokens instead of 49,408
  private static final int BATCH = 64;
  private static final int REPORT_EVERY = 20;
  private static final int SAVE_EVERY = 200;
  private static final double MAX_LOGIT_SCALE = Math.log(100);

  private final CaptionedPictures data;
  private final List<List<String>> phrases;
  private final ClipTokenizer tokenizer = ClipTokenizer.small(MERGES);
  // Mean and deviation 1/2 take [0, 1] to the range [-1, 1] that diffusion models use.
  private final ImagePreprocessing preprocessing =
      new ImagePreprocessing(
          SIDE,
          SIDE,
          false,
          false,
          Resize.Filter.BICUBIC,
          List.of(0.5f, 0.5f, 0.5f),
          List.of(0.5f, 0.5f, 0.5f));
  private final SplittableRandom random = new SplittableRandom(0);

  private TrainClip(CaptionedPictures data) {
    this.data = data;
    this.phrases = data.captions().stream().map(CaptionedPictures::phrases).toList();
  }

  /**
   * Trains; the arguments are the directory to write, the number of steps, and data sets with
   * captions.
   */
  public static void main(String[] args) {
    if (args.length < 3) {
      System.err.println("usage: examples/run TrainClip DIRECTORY STEPS DATA...");
      System.exit(2);
    }
    CaptionedPictures all =
        CaptionedPictures.read(List.of(args).subList(2, args.length), SIDE).training(1);
    new TrainClip(all).train(Path.of(args[0]), Integer.parseInt(args[1]));
  }

  /**
   * Returns a configuration with patches of 8 pixels, four blocks of width 128 for pictures and two
   * for texts.
   */
  private ClipConfig config() {
    return new ClipConfig(
        128,
        new ClipConfig.Vit(SIDE, 8, blocks(4), ClipConfig.ImagePool.MEAN, true, false),
        new ClipConfig.Text(
            CONTEXT, tokenizer.size(), blocks(2), true, ClipConfig.TextPool.LARGEST));
  }

  private static ClipConfig.Transformer blocks(int layers) {
    return new ClipConfig.Transformer(128, layers, 4, 256, Activation.GELU, 1e-5);
  }

  private void train(Path directory, int steps) {
    TrainingOptions options =
        TrainingOptions.defaults()
            .withMaxSteps(steps)
            .withOptimizer(
                Optimizer.Settings.adamW()
                    .withBetas(0.9, 0.98)
                    .withEpsilon(1e-6)
                    .withWeightDecay(0.05))
            .withLearningRate(new LearningRate(LearningRate.Kind.COSINE, 1.5e-3, steps / 20));
    Batches batches = new Batches(data, BatchOptions.defaults().withBatchSize(BATCH));
    long start = System.nanoTime();
    try (ClipNetwork network = new ClipNetwork(config());
        Rng weights = new Rng(0)) {
      network.reset(weights);
      try (Trainer trainer = new Trainer(new Contrastive(network), batches, options)) {
        while (trainer.hasNext()) {
          StepReport report = trainer.step();
          clampLogitScale(network);
          if (report.step() % REPORT_EVERY == 0) {
            System.err.printf(
                Locale.ROOT,
                "step %d of %d  loss %.3f  temperature %.4f  %.0f s%n",
                report.step(),
                steps,
                report.loss(),
                Math.exp(-network.logitScale().item()),
                (System.nanoTime() - start) / 1e9);
          }
          if (report.step() % SAVE_EVERY == 0 || !trainer.hasNext()) {
            ClipModel.save(network, tokenizer, preprocessing, directory);
          }
        }
      }
    }
  }

  /** The contrastive loss of augmented pictures and captions. */
  private final class Contrastive implements TrainingLoss {
    private final ClipNetwork network;

    Contrastive(ClipNetwork network) {
      this.network = network;
    }

    @Override
    public Module network() {
      return network;
    }

    @Override
    public Tensor loss(Batch batch, Draws draws) {
      List<String> texts = new ArrayList<>();
      float[] pixels = new float[batch.size() * 3 * SIDE * SIDE];
      for (int i = 0; i < batch.size(); i++) {
        texts.add(said(batch.captions().get(i)));
        float[] picture = seen(data.pixels(batch.indices()[i]), texts.get(i)).signed();
        System.arraycopy(picture, 0, pixels, i * picture.length, picture.length);
      }
      Tensor images = noisy(Tensor.of(pixels, batch.size(), 3, SIDE, SIDE), draws);
      Tensor ids = tokenizer.encode(texts, CONTEXT);
      return TrainClip.loss(network, images, ids, truths(batch.indices(), texts));
    }
  }

  /**
   * Returns the contrastive loss for short texts, each of which may be true of several pictures:
   * all of these count as right (Yang et al., "Unified Contrastive Learning", 2022, <a
   * href="https://arxiv.org/abs/2204.03610">arXiv:2204.03610</a>).
   *
   * @param images (B, 3, S, S)
   * @param ids (B, context)
   * @param truths (B, B), 1 where the text of a column is true of the picture of a row, else 0
   */
  private static Tensor loss(ClipNetwork network, Tensor images, Tensor ids, Tensor truths) {
    Tensor image = Functional.normalize(network.encodeImage(images));
    Tensor text = Functional.normalize(network.encodeText(ids));
    Tensor logits = Functional.matmul(image, text.transpose(0, 1)).mul(network.logitScale().exp());
    Tensor toText = Functional.crossEntropy(logits, shares(truths));
    Tensor toImage =
        Functional.crossEntropy(logits.transpose(0, 1), shares(truths.transpose(0, 1)));
    return toText.add(toImage).mul(0.5);
  }

  /** Scales rows to add up to 1. */
  private static Tensor shares(Tensor truths) {
    return truths.div(truths.mean(true, 1).mul(truths.size(1)));
  }

  private Tensor truths(int[] chosen, List<String> texts) {
    int count = chosen.length;
    float[] truths = new float[count * count];
    for (int j = 0; j < count; j++) {
      List<String> text = CaptionedPictures.phrases(texts.get(j));
      for (int i = 0; i < count; i++) {
        boolean holds = i == j || CaptionedPictures.holds(text, phrases.get(chosen[i]));
        truths[i * count + j] = holds ? 1 : 0;
      }
    }
    return Tensor.of(truths, count, count);
  }

  /** Limits the scale of the logits to 100, as in the paper, to keep training stable. */
  private static void clampLogitScale(ClipNetwork network) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      network.logitScale().copy_(network.logitScale().clamp(0, MAX_LOGIT_SCALE));
    }
  }

  // ---- augmentation

  /**
   * Returns a caption or, more often, one or a few of its phrases, since people ask for "red hair".
   */
  private String said(String caption) {
    if (random.nextInt(3) == 0) {
      return caption;
    }
    List<String> phrases = new ArrayList<>(CaptionedPictures.phrases(caption));
    int kept = 1;
    while (kept < phrases.size() && random.nextInt(3) == 0) {
      kept++;
    }
    while (phrases.size() > kept) {
      phrases.remove(random.nextInt(phrases.size()));
    }
    phrases.replaceAll(this::shortened);
    if (random.nextBoolean()) {
      Collections.reverse(phrases);
    }
    return String.join(", ", phrases);
  }

  /**
   * Returns a phrase, or two or more successive words of it, such as "red hair" from "short red
   * hair".
   */
  private String shortened(String phrase) {
    List<String> words = List.of(phrase.split(" "));
    if (words.size() < 3 || random.nextInt(3) == 0) {
      return phrase;
    }
    int length = random.nextInt(2, words.size());
    int first = random.nextInt(words.size() - length + 1);
    return String.join(" ", words.subList(first, first + length));
  }

  /**
   * Returns a picture in the way a guide shows an unfinished one: cut out, blurred, mirrored; never
   * recoloured, since captions name colours.
   */
  private Pixels seen(Pixels picture, String text) {
    Pixels seen = picture;
    if (random.nextBoolean()) {
      int edge = (int) Math.round(SIDE * Math.sqrt(random.nextDouble(0.5, 1)));
      int room = SIDE - edge + 1;
      seen = seen.crop(random.nextInt(room), random.nextInt(room), edge, edge);
    }
    if (random.nextInt(3) == 0) {
      int coarse = random.nextInt(SIDE / 3, SIDE);
      seen = Resize.to(seen, coarse, coarse);
    }
    boolean sided = text.contains("left") || text.contains("right");
    seen = !sided && random.nextBoolean() ? seen.flipped() : seen;
    return Resize.to(seen, SIDE, SIDE, Resize.Filter.BICUBIC);
  }

  /** Adds noise, with its own strength for each picture and mostly weak. */
  private static Tensor noisy(Tensor images, Draws draws) {
    Tensor strength = draws.uniform(1, 1, 1).square().mul(0.4);
    return images.add(draws.normal(3, SIDE, SIDE).mul(strength));
  }
}
