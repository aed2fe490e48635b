package dev.sfumato.springai;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Scope;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.ObservationTextPublisher;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.image.ImageModel;
import org.springframework.ai.image.ImagePrompt;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class SfumatoImageAutoConfigurationTest {
  private static final ApplicationContextRunner RUNNER =
      new ApplicationContextRunner()
          .withConfiguration(AutoConfigurations.of(SfumatoImageAutoConfiguration.class));

  @TempDir static Path folder;
  private static Path files;

  @BeforeAll
  static void writeModel() {
    files = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
  }

  private static String[] properties(String... others) {
    List<String> all =
        Arrays.stream(others).map(p -> "spring.ai.sfumato.image." + p).collect(Collectors.toList());
    all.add("spring.ai.sfumato.image.model=" + files);
    return all.toArray(String[]::new);
  }

  @Test
  void drawsAsThePropertiesSay() {
    RUNNER
        .withPropertyValues(
            properties(
                "device=cpu",
                "precision=fp32",
                "n=2",
                "width=24",
                "height=16",
                "seed=7",
                "steps=3",
                "scheduler=dpmsolver++",
                "guidance-scale=3",
                "negative-prompt=blurry",
                "strength=0.5"))
        .run(
            context -> {
              ImageModel model = context.getBean(ImageModel.class);
              assertThat(model).isInstanceOf(SfumatoImageModel.class);
              String picture =
                  model.call(new ImagePrompt("rose")).getResults().get(1).getOutput().getB64Json();
              try (DiffusionPipeline pipeline = DiffusionPipeline.load(files)) {
                SamplingOptions expected =
                    SamplingOptions.defaults()
                        .withCount(2)
                        .withSize(16, 24)
                        .withSeed(7)
                        .withSteps(3)
                        .withScheduler(SchedulerKind.DPMSOLVER_PLUS_PLUS)
                        .withText(
                            TextOptions.of("rose").withGuidanceScale(3).withNegative("blurry"));
                assertThat(Base64.getDecoder().decode(picture))
                    .isEqualTo(Png.encode(pipeline.draw(expected).get(1)));
              }
              assertThat(context.getBean(SfumatoImageProperties.class).options().strength())
                  .isEqualTo(0.5);
            });
  }

  @Test
  void readsLorasWithTheirScales() {
    RUNNER
        .withPropertyValues(properties("loras=" + folder + ":0.8," + files))
        .run(
            context ->
                assertThat(
                        context.getBean(SfumatoImageProperties.class).options().loras().stream()
                            .map(lora -> lora.path() + " " + lora.scale()))
                    .containsExactly(folder + " 0.8", files + " 1.0"));
  }

  @Test
  void reportsCallsAsOtherModelsDo() {
    List<String> seen = new ArrayList<>();
    ObservationRegistry registry = ObservationRegistry.create();
    registry.observationConfig().observationHandler(new ObservationTextPublisher(seen::add));
    RUNNER
        .withBean(ObservationRegistry.class, () -> registry)
        .withPropertyValues(properties("steps=2", "height=16", "width=24"))
        .run(context -> context.getBean(ImageModel.class).call(new ImagePrompt("rose")));
    String whole = String.join("\n", seen);
    assertThat(whole).contains("gen_ai.client.operation");
    assertThat(whole).contains("sfumato");
    assertThat(whole).contains("24x16");
  }

  @Test
  void freesTheModelWithTheApplication() {
    long before = Scope.liveTensors();
    RUNNER
        .withPropertyValues(properties())
        .run(context -> assertThat(Scope.liveTensors()).isGreaterThan(before));
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void backsOffBeforeTheApplicationsOwnModel() {
    SfumatoImageModel own =
        new SfumatoImageModel(
            DiffusionPipeline.load(files), SfumatoImageOptions.builder().steps(2).build());
    RUNNER
        .withBean("own", SfumatoImageModel.class, () -> own)
        .run(context -> assertThat(context.getBean(ImageModel.class)).isSameInstanceAs(own));
  }

  @Test
  void loadsNothingWhenAnotherKindIsChosen() {
    for (String kind : List.of("none", "openai")) {
      long before = Scope.liveTensors();
      RUNNER
          .withPropertyValues(properties())
          .withPropertyValues("spring.ai.model.image=" + kind)
          .run(
              context -> {
                assertThat(context.getBeansOfType(ImageModel.class)).isEmpty();
                assertThat(Scope.liveTensors()).isEqualTo(before);
              });
    }
    RUNNER
        .withPropertyValues(properties())
        .withPropertyValues("spring.ai.model.image=sfumato")
        .run(context -> assertThat(context.getBeansOfType(ImageModel.class)).hasSize(1));
  }

  @Test
  void saysInOneLineWhyItDoesNotStart() {
    assertThat(failure())
        .isEqualTo(
            "spring.ai.sfumato.image.model is missing: name the directory or the Hub id of a"
                + " text-to-image model");
    assertThat(failure("model=./nowhere")).isEqualTo("./nowhere: there is no such model directory");
    long before = Scope.liveTensors();
    assertThat(failure("model=../models/mnist"))
        .isEqualTo("the model draws classes: prompts and their options need a text-to-image model");
    assertThat(failure(properties("device=tpu")[0], "model=" + files)).startsWith("device 'tpu'");
    assertThat(Scope.liveTensors()).isEqualTo(before);
    assertThat(failure("model=" + files, "scheduler=fast"))
        .startsWith("scheduler 'fast' is unknown: use one of ddpm, ddim");
  }

  private static String failure(String... values) {
    String[] properties =
        Arrays.stream(values)
            .map(v -> v.startsWith("spring.") ? v : "spring.ai.sfumato.image." + v)
            .toArray(String[]::new);
    String[] description = new String[1];
    RUNNER
        .withPropertyValues(properties)
        .run(
            context -> {
              FailureAnalysis analysis =
                  new SfumatoFailureAnalyzer().analyze(context.getStartupFailure());
              description[0] = analysis.getDescription();
            });
    return description[0];
  }

  @Test
  void idesKnowTheProperties() throws IOException {
    JsonNode metadata = metadata("spring-configuration-metadata.json");
    List<String> names =
        StreamSupport.stream(metadata.get("properties").spliterator(), false)
            .filter(property -> !property.path("description").asText().isEmpty())
            .map(property -> property.get("name").asText())
            .toList();
    assertThat(names)
        .containsExactlyElementsIn(
            List.of(
                    "model",
                    "device",
                    "precision",
                    "n",
                    "width",
                    "height",
                    "seed",
                    "steps",
                    "scheduler",
                    "guidance-scale",
                    "negative-prompt",
                    "strength",
                    "loras")
                .stream()
                .map(name -> "spring.ai.sfumato.image." + name)
                .toList());
    List<String> schedulers =
        StreamSupport.stream(metadata.get("hints").spliterator(), false)
            .filter(hint -> hint.get("name").asText().endsWith(".scheduler"))
            .flatMap(hint -> StreamSupport.stream(hint.get("values").spliterator(), false))
            .map(value -> value.get("value").asText())
            .toList();
    assertThat(schedulers)
        .containsExactlyElementsIn(
            Arrays.stream(SchedulerKind.values()).map(SchedulerKind::toString).toList());
  }

  private static JsonNode metadata(String name) throws IOException {
    try (InputStream file =
        SfumatoImageAutoConfiguration.class.getResourceAsStream("/META-INF/" + name)) {
      return JsonFile.MAPPER.readTree(file);
    }
  }
}
