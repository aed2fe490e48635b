package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.io.JsonFile;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.studio.Studio;
import dev.sfumato.studio.StudioOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command and the Java program that the studio copies draw the same pictures as the studio. */
class StudioCopyTest {
  @TempDir Path folder;
  private Studio studio;

  @BeforeEach
  void start() {
    studio =
        Studio.start(
            StudioOptions.defaults()
                .withPort(0)
                .withHome(folder.resolve("home"))
                .withFolders(List.of(Path.of("../models"), folder))
                .withDevice("cpu", Precision.FP32));
  }

  @AfterEach
  void stop() {
    studio.close();
  }

  @Test
  void ofColourAndClip() throws Exception {
    requireSame(
        """
        {"model": "../models/faces", "count": 2, "seed": 3, "scheduler": "ddim", "eta": 0.5,
         "steps": 2, "gradient": "exact", "guides": [
           {"kind": "color", "value": "#1ae680",
            "options": {"scale": 400, "from": 0.1, "until": 0.9, "schedule": "linear_down"}},
           {"kind": "clip", "value": "red hair's \\"end\\"",
            "options": {"scale": 12.5, "clip": "../models/clip-faces", "cuts": 2}}]}
        """);
  }

  @Test
  void ofClasses() throws Exception {
    requireSame(
        """
        {"model": "../models/mnist", "count": 2, "seed": -12345678901, "steps": 2,
         "classes": ["7", "1"], "guidance_scale": 4}
        """);
  }

  @Test
  void ofAClassifier() throws Exception {
    try (PictureClassifier digits = PictureClassifier.digits()) {
      digits.save(folder.resolve("my digits"));
    }
    requireSame(
        """
        {"model": "../models/mnist", "count": 1, "steps": 2, "scheduler": "ddim", "guides": [
           {"kind": "class", "value": "3", "options": {"scale": 20}},
           {"kind": "class", "value": "5",
            "options": {"scale": 2, "until": 0.5, "classifier": "%s"}}]}
        """,
        folder.resolve("my digits"));
  }

  @Test
  void ofAMask() throws Exception {
    requireSame(
        """
        {"model": "../models/faces", "count": 1, "steps": 3, "scheduler": "ddim",
         "picture": "%s", "mask": "%s", "strength": 0.7,
         "guides": [{"kind": "symmetry", "value": "horizontal"},
                    {"kind": "reference", "value": "%s"}]}
        """,
        upload("sd_picture_16x16.png"),
        upload("sd_mask_16x16.png"),
        upload("sd_picture_24x16.png"));
  }

  @Test
  void ofATextWithMarks() throws Exception {
    Path model = TinyStableDiffusion.write(folder.resolve("rose"), "sd1");
    requireSame(
        """
        {"model": "%s", "count": 2, "steps": 2, "height": 16, "width": 24,
         "prompt": "-a $HOME 'red' \\"rose\\" \\\\ of gr\\u00fcn\\r\\n\\t", "negative_prompt": "`ls`",
         "guidance_scale": 5}
        """,
        model);
  }

  @Test
  void ofLorasWeightsInAPromptAndRareSteps() throws Exception {
    Path model = TinyStableDiffusion.write(folder.resolve("rose"), "sd1");
    Path one = copied("lora/sd1_peft", "red: 0.5.safetensors");
    Path two = copied("lora/sd1_more_kohya", "more.safetensors");
    requireSame(
        """
        {"model": "%s", "count": 1, "steps": 4, "height": 16, "width": 16,
         "prompt": "a (<cat-toy>:1.4) rose", "words": ["%s"], "prompt_syntax": "a1111", "clip_skip": 1,
         "loras": [{"path": "%s", "scale": 0.7}, {"path": "%s", "scale": -1.25}],
         "guides": [{"kind": "color", "value": "teal", "options": {"scale": 300, "every": 2}}]}
        """,
        model, copied("textual_inversion/one", "a=b.safetensors"), one, two);
  }

  private Path copied(String golden, String name) throws IOException {
    return Files.copy(Golden.path(golden + ".safetensors"), folder.resolve(name));
  }

  private void requireSame(String json, Object... places) throws Exception {
    String drawing = String.format(java.util.Locale.ROOT, json, places);
    long job = post("/api/drawings", drawing.getBytes(StandardCharsets.UTF_8)).get("job").asLong();
    JsonNode ended = ended(job);
    assertWithMessage(ended.toString()).that(ended.get("state").asText()).isEqualTo("done");
    Path drawn = folder.resolve("home/gallery").resolve(ended.get("result").get("entry").asText());
    JsonNode kept = JsonFile.MAPPER.readTree(drawn.resolve("drawing.json").toFile()).get("drawing");
    JsonNode text = post("/api/text", kept.toString().getBytes(StandardCharsets.UTF_8));
    byCommand(text.get("command").asText());
    byJava(text.get("java").asText());
    for (int i = 0; i < ended.get("result").get("count").asInt(); i++) {
      byte[] picture = Files.readAllBytes(drawn.resolve("0000" + i + ".png"));
      assertThat(Files.readAllBytes(folder.resolve("drawn/0000" + i + ".png"))).isEqualTo(picture);
      assertThat(PictureReader.read(folder.resolve("java-" + i + ".png")).values())
          .isEqualTo(PictureReader.read(picture, "the studio's").values());
    }
  }

  /** Lets a real shell take the command apart, and runs it. */
  private void byCommand(String command) throws IOException {
    String words = command.replaceFirst("^sfumato ", "printf '%s\\\\0' ");
    Process shell = new ProcessBuilder("sh", "-c", words).start();
    String out = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    List<String> args = new java.util.ArrayList<>(List.of(out.split("\0")));
    assertThat(args.get(args.size() - 1)).isEqualTo("drawn");
    args.set(args.size() - 1, folder.resolve("drawn").toString());
    Calls.run(args).succeeds();
  }

  /** Compiles the program, with another place for its pictures, and runs it. */
  private void byJava(String program) throws Exception {
    Path source = folder.resolve("Draw.java");
    Files.writeString(source, program.replace("\"drawn-\"", "\"" + folder.resolve("java-") + "\""));
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-d",
                folder.toString(),
                "-cp",
                System.getProperty("java.class.path"),
                source.toString());
    assertWithMessage(program).that(status).isEqualTo(0);
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      Method main = loader.loadClass("Draw").getMethod("main", String[].class);
      main.setAccessible(true);
      main.invoke(null, (Object) new String[0]);
    }
  }

  // ---- the server

  private String upload(String golden) throws Exception {
    return post("/api/pictures", Files.readAllBytes(Golden.path(golden))).get("id").asText();
  }

  private JsonNode post(String path, byte[] body) throws Exception {
    String origin = "http://" + studio.address().getAuthority();
    HttpRequest request =
        HttpRequest.newBuilder(studio.address().resolve(path))
            .header("Origin", origin)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    return answer(request);
  }

  private JsonNode ended(long job) throws Exception {
    while (true) {
      for (JsonNode one :
          answer(HttpRequest.newBuilder(studio.address().resolve("/api/jobs")).build())) {
        if (one.get("id").asLong() == job && !one.get("state").asText().matches("queued|running")) {
          return one;
        }
      }
      Thread.sleep(20);
    }
  }

  private static JsonNode answer(HttpRequest request) throws Exception {
    HttpResponse<byte[]> answer =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofByteArray());
    JsonNode json = JsonFile.MAPPER.readTree(answer.body());
    assertWithMessage(json.toString()).that(answer.statusCode()).isEqualTo(200);
    return json;
  }
}
