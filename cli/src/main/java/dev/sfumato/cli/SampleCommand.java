package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuidanceTrace;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.picture.GifWriter;
import dev.sfumato.picture.PictureFile;
import dev.sfumato.picture.PictureFormat;
import dev.sfumato.picture.Pictures;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PictureParameters;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sfumato sample}. */
@Command(
    name = "sample",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato sample --model models/mnist --class 7 --count 16 --out sevens.png",
      "  sfumato sample --model models/faces --guide color=#1ae680 --scale 40 --out green.png"
    },
    description = "Draws pictures with a model.")
final class SampleCommand implements Callable<Integer> {
  private static final int GIF_FRAMES = 50;

  private static final List<OptionNeed<SampleCommand>> NEEDS =
      List.of(
          new OptionNeed<>(
              "--gradient --guidance-rule --guide-vae --gradient-checkpointing --guidance-clamp"
                  + " --backward-steps --smoothing-samples",
              c -> !c.guiding.guides.isEmpty(),
              "a --guide"),
          new OptionNeed<>(
              "--backward --backward-scale", c -> c.guiding.backwardSteps > 0, "--backward-steps"),
          new OptionNeed<>(
              "--smoothing-gamma", c -> c.guiding.smoothingSamples > 0, "--smoothing-samples"),
          new OptionNeed<>(
              "--class-guidance-from --class-guidance-until --class-guidance-rescale",
              c -> c.sampling.classGuidanceScale != 1,
              "--class-guidance-scale"),
          new OptionNeed<>("--refiner-start", c -> c.texts.refiner != null, "--refiner"),
          new OptionNeed<>("--rows", c -> c.out != null || c.gif != null, "--out or --gif"));

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "Number of pictures, for each --prompt (default: one per --class, else 1).")
  Integer count;

  @Option(
      names = "--class",
      split = ",",
      paramLabel = "CLASS",
      description = "Classes to draw, by name or label from 0, repeated to fill --count.")
  List<String> labels = List.of();

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "Write all pictures as a grid in one file, .png, .jpg or .jpeg (default: samples.png, if"
              + " no other output is requested).")
  Path out;

  @Option(names = "--rows", paramLabel = "N", description = "Rows of the grid (default: square).")
  Integer rows;

  @Option(names = "--out-dir", paramLabel = "DIR", description = "Write a file for each picture.")
  Path outDir;

  @Option(
      names = "--gif",
      paramLabel = "FILE.gif",
      description = "Write the grid of every step as an animation.")
  Path gif;

  @Option(
      names = "--save-tensor",
      paramLabel = "FILE.safetensors",
      description =
          "Write the tensor 'images' (N, C, H, W), float32, not clamped; for a latent model also"
              + " 'latents'.")
  Path saveTensor;

  @Option(
      names = "--trace",
      paramLabel = "FILE.csv",
      description = "Write a row per step: the guides' losses and the norm of their gradient.")
  Path trace;

  @Option(
      names = "--preview",
      description =
          "Write small pictures of what is being drawn to NAME-preview.png beside the output NAME,"
              + " about ten times on the way.")
  boolean preview;

  @Mixin SamplingArguments sampling;
  @Mixin TextArguments texts;
  @Mixin LoadingArguments loading;
  @Mixin StartArguments start;
  @Mixin GuidanceArguments guiding;
  @Mixin ComputeOptions compute;
  @Spec CommandSpec spec;

  @Override
  public Integer call() {
    if (out == null && outDir == null && gif == null && saveTensor == null) {
      out = Path.of("samples.png");
    }
    WrongCall.checked(spec, this::requireEndings);
    if (rows != null && rows < 1) {
      throw new ParameterException(spec.commandLine(), "--rows must be at least 1, not " + rows);
    }
    SamplingOptions asked = WrongCall.checked(spec, this::options);
    Device device = compute.apply();
    // The gradients of guides need the memory that wider weights would take; a card widens its own.
    boolean compact = !guiding.guides.isEmpty() || !device.isCpu();
    try (Scope scope = Scope.open();
        GuideModels guideModels = new GuideModels(device);
        DiffusionPipeline pipeline = loading.load(compute.precision, compact);
        DiffusionPipeline refiner = texts.refine(pipeline, compute.precision)) {
      requireFilesHold(pipeline.pictureChannels());
      texts.teach(pipeline);
      compute.place(pipeline, device);
      if (refiner != null) {
        compute.place(refiner, device);
        refiner.checkpointing(guiding.checkpointing);
      }
      pipeline.checkpointing(guiding.checkpointing);
      SamplingOptions guided = guiding.withGuides(asked, guideModels);
      SamplingOptions options = WrongCall.checked(spec, () -> pipeline.completed(guided));
      outputs().forEach(AtomicFile::requireWritable);
      NEEDS.stream().flatMap(need -> need.unmet(this, spec)).forEach(SampleCommand::warn);
      List<BufferedImage> frames = new ArrayList<>();
      Map<String, Tensor> drawn = sample(pipeline, options, frames);
      PictureParameters parameters =
          new PictureParameters(loading.model, options, pipeline.scheduler(options));
      try (Interruption.Delay delay = Interruption.delay()) {
        save(drawn, frames, parameters);
      }
    } catch (GuideSpec.Unsuitable e) {
      throw WrongCall.of(spec, e);
    }
    return 0;
  }

  private static void warn(String message) {
    System.getLogger(SampleCommand.class.getName()).log(Level.WARNING, message);
  }

  private boolean requireEndings() {
    if (out != null) {
      PictureFile.requireEnding(out);
    }
    String name = String.valueOf(gif).toLowerCase(Locale.ROOT);
    if (PictureFormat.named(name) && !name.endsWith(".gif")) {
      throw new SfumatoException(gif + ": the file of --gif is a GIF: end its name in .gif");
    }
    return true;
  }

  private SamplingOptions options() {
    TextOptions text = texts.options();
    int each = count != null ? count : Math.max(1, labels.size());
    return guiding
        .guided(start.started(sampling.options()))
        .withText(text)
        .withVaeTiling(texts.vaeTiling)
        .withCount(each * Math.max(1, text.prompts().size()))
        .withClasses(labels.toArray(String[]::new))
        .withSeed(compute.seed);
  }

  /** Refuses pictures that cannot be saved, before they are drawn. */
  private void requireFilesHold(int channels) {
    boolean colours = channels == 1 || channels == 3;
    boolean pictures = colours || channels == 4; // the fourth is opacity
    if ((out != null || outDir != null || preview) && !pictures || gif != null && !colours) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the model draws pictures with %d channels, which do not fit into %s files: use"
                  + " --save-tensor%s",
              channels,
              pictures ? "GIF" : "picture",
              pictures ? " or --out" : " alone"));
    }
  }

  /** The pictures as {@code images}, and {@code latents} of a model that has them. */
  private Map<String, Tensor> sample(
      DiffusionPipeline pipeline, SamplingOptions options, List<BufferedImage> frames) {
    int steps = options.steps().getAsInt();
    PictureSpace space = pipeline.space(options);
    boolean latents = space.scale() > 1;
    UnaryOperator<Tensor> keeper = Scope.keeper();
    Optional<Preview> small = preview(space);
    Map<String, Tensor> drawn = new TreeMap<>();
    List<Integer> flagged = new ArrayList<>();
    try (StepProgress progress = new StepProgress("sample", 0, steps);
        GuidanceTrace rows = trace == null ? null : new GuidanceTrace(trace, guiding.names())) {
      int every = Math.max(1, steps / GIF_FRAMES);
      Tensor images =
          pipeline.sample(
              options,
              new Sampler.Listener() {
                @Override
                public void onPrediction(Step step, Prediction prediction) {
                  if (rows != null) {
                    rows.write(step, prediction);
                  }
                }

                @Override
                public void onPredictedX0(Step step, Supplier<Tensor> x0) {
                  small.ifPresent(shown -> shown.show(step, x0));
                }

                @Override
                public void onFlagged(int picture) {
                  flagged.add(picture);
                }

                @Override
                public void onStep(Step step, Tensor x) {
                  progress.stepTo(step.index() + 1);
                  if (gif != null
                      && (step.index() % every == 0 || step.index() + 1 == step.count())) {
                    frames.add(grid(space.decode(x)));
                  }
                  if (latents && step.index() + 1 == step.count()) {
                    drawn.put("latents", keeper.apply(x.copy()));
                  }
                }
              });
      frames.forEach(
          frame -> flagged.forEach(n -> Pictures.blacken(frame, images, rows(images), n)));
      small.ifPresent(shown -> shown.finish(images));
      drawn.put("images", images);
      return drawn;
    }
  }

  private Optional<Preview> preview(PictureSpace space) {
    return Stream.of(out, outDir, gif, saveTensor)
        .filter(output -> preview && output != null)
        .map(output -> new Preview(Preview.beside(output), space, this::grid))
        .findFirst();
  }

  /** Returns a file in each place that will be written. */
  private Stream<Path> outputs() {
    return Stream.of(out, outDir == null ? null : picture(0), gif, saveTensor, trace)
        .filter(Objects::nonNull);
  }

  private Path picture(long number) {
    return outDir.resolve(String.format(Locale.ROOT, "%05d.png", number));
  }

  private void save(
      Map<String, Tensor> drawn, List<BufferedImage> frames, PictureParameters parameters) {
    Tensor images = drawn.get("images");
    if (saveTensor != null) { // first, so that a failed picture does not lose the tensor
      Safetensors.write(saveTensor, drawn, Map.of());
    }
    if (out != null) {
      parameters.write(out, grid(images));
      System.out.println(out);
    }
    if (outDir != null) {
      LongStream.range(0, images.size(0))
          .forEach(
              i -> parameters.write(picture(i), Pictures.plain(images.narrow(0, i, 1)), (int) i));
      System.out.println(outDir);
    }
    if (gif != null) {
      new GifWriter(Duration.ofMillis(80), true).write(gif, frames);
      System.out.println(gif);
    }
    if (saveTensor != null) {
      System.out.println(saveTensor);
    }
    if (trace != null) {
      System.out.println(trace);
    }
  }

  private BufferedImage grid(Tensor images) {
    return Pictures.grid(images, rows(images));
  }

  private int rows(Tensor images) {
    return rows != null ? rows : Pictures.squareRows((int) images.size(0));
  }
}
