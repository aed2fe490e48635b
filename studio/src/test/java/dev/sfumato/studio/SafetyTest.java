package dev.sfumato.studio;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is answered, and what can be read. */
class SafetyTest {
  private static final byte[] NONE = new byte[0];

  @TempDir Path folder;
  private Studio studio;
  private Caller caller;

  private StudioOptions options() {
    return Caller.options(folder.resolve("home"), Caller.MODELS);
  }

  @BeforeEach
  void start() {
    studio = Studio.start(options());
    caller = new Caller(studio);
  }

  @AfterEach
  void stop() {
    studio.close();
  }

  @Test
  void listensAtTheLoopbackAddressOnly() {
    assertThat(studio.address().getHost()).isEqualTo("127.0.0.1");
    assertThat(caller.get("/").status()).isEqualTo(200);
  }

  // ---- Host and Origin

  @Test
  void anotherHostIsRefused() {
    assertThat(caller.send("GET /", NONE, "Host: evil.example").status()).isEqualTo(403);
    String port = caller.authority().split(":")[1];
    assertThat(caller.send("GET /", NONE, "Host: evil.example:" + port).status()).isEqualTo(403);
    assertThat(caller.send("GET /", NONE, "Host: localhost:" + port).status()).isEqualTo(200);
  }

  @Test
  void workOfAnotherPageIsRefused() {
    String host = "Host: " + caller.authority();
    byte[] body = "{}".getBytes(java.nio.charset.StandardCharsets.UTF_8);
    for (String start : List.of("POST /api/drawings", "DELETE /api/gallery/0", "PUT /")) {
      assertThat(caller.send(start, body, host, "Origin: http://evil.example").status())
          .isEqualTo(403);
      assertThat(caller.send(start, body, host, "Origin: null").status()).isEqualTo(403);
      assertThat(caller.send(start, body, host).status()).isEqualTo(403);
    }
    String own = "Origin: http://" + caller.authority();
    assertThat(caller.send("POST /api/drawings", body, host, own).status()).isEqualTo(400);
  }

  @Test
  void anotherPageCannotShowPicturesOrReadAnything() {
    String host = "Host: " + caller.authority();
    String cross = "Sec-Fetch-Site: cross-site";
    for (String path : List.of("/api/gallery", "/api/events", "/gallery/x/0.png", "/draw.js")) {
      assertThat(caller.send("GET " + path, NONE, host, cross).status()).isEqualTo(403);
      assertThat(caller.send("GET " + path, NONE, host, "Origin: http://evil.example").status())
          .isEqualTo(403);
    }
    assertThat(caller.send("GET /", NONE, host, cross, "Sec-Fetch-Dest: iframe").status())
        .isEqualTo(403);
    assertThat(caller.send("GET /", NONE, host, cross, "Sec-Fetch-Dest: document").status())
        .isEqualTo(200); // a link to the page
    String head = caller.get("/").head();
    assertThat(head).contains("frame-ancestors 'none'");
    assertThat(head.toLowerCase(Locale.ROOT)).contains("cross-origin-resource-policy: same-origin");
  }

  // ---- the token

  @Test
  void otherMachinesNeedTheToken() {
    try (Studio open = Studio.start(options().withHost("0.0.0.0"))) {
      Caller other = new Caller(open);
      String query = open.address().getQuery();
      assertThat(query).matches("token=[0-9a-f]{48}");
      assertThat(other.get("/").status()).isEqualTo(401);
      assertThat(other.get("/api/gallery").status()).isEqualTo(401);
      assertThat(other.get("/?token=" + "0".repeat(48)).status()).isEqualTo(401);
      assertThat(other.get("/api/gallery?" + query).status()).isEqualTo(401);

      Caller.Answer first = other.get("/?" + query);
      assertThat(first.status()).isEqualTo(303);
      assertThat(first.head()).contains("HttpOnly; SameSite=Strict");
      String host = "Host: " + other.authority();
      String cookie = "Cookie: a=b; sfumato=" + query.substring("token=".length());
      assertThat(other.send("GET /api/gallery", NONE, host, cookie).status()).isEqualTo(200);
      String wrong = "Cookie: sfumato=" + "0".repeat(48);
      assertThat(other.send("GET /api/gallery", NONE, host, wrong).status()).isEqualTo(401);
      assertThat(other.send("GET /", NONE, "Host: evil.example", cookie).status()).isEqualTo(403);
    }
  }

  // ---- uploads

  @Test
  void onlyPicturesAreKept() throws IOException {
    assertThat(caller.post("/api/pictures", "<svg onload=x>").error())
        .isEqualTo("the picture: not a JPEG, PNG, GIF, BMP or WebP picture");
    byte[] png = Png.encode(new BufferedImage(4, 3, BufferedImage.TYPE_INT_RGB));
    png[png.length - 20] ^= 1;
    assertThat(caller.post("/api/pictures", png).status()).isEqualTo(400);
    assertThat(Files.exists(folder.resolve("home/pictures"))).isFalse();
  }

  @Test
  void uploadsHaveALimit() {
    assertThat(caller.post("/api/pictures", new byte[Uploads.MAX_BYTES + (1 << 20)]).status())
        .isEqualTo(413);
    assertThat(caller.post("/api/drawings", " ".repeat((1 << 20) + 1)).error())
        .isEqualTo("what was sent is too large: at most 1 MB");
    assertThat(caller.post("/api/drawings", " ".repeat(1 << 20)).status()).isEqualTo(400);
  }

  @Test
  void aPictureComesBackAsPng() {
    byte[] png = Png.encode(new BufferedImage(4, 3, BufferedImage.TYPE_INT_RGB));
    Caller.Answer kept = caller.post("/api/pictures", png);
    assertThat(kept.json().get("width").asInt()).isEqualTo(4);
    Caller.Answer back = caller.get("/pictures/" + kept.json().get("id").asText() + ".png");
    assertThat(back.head()).contains("image/png");
    assertThat(back.body()).isEqualTo(png);
  }

  // ---- the disk

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../pom.xml",
        "/..%2f..%2fpom.xml",
        "/page/../Studio.class",
        "/Studio.class",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/pictures/../../secret.png",
        "/pictures/..%2fsecret.png",
        "/gallery/..%2f..%2fsecret/0.png",
        "/gallery/20260101-000000-00000000/0.png",
        "/gallery/20260101-000000-00000000/..%2f..%2f0.png"
      })
  void noOtherFileIsServed(String path) {
    int status = caller.get(path).status();
    assertWithMessage(path).that(status).isIn(List.of(400, 404));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/etc", "/etc/passwd", "../pom.xml", "../models/../core", "/nowhere"})
  void modelsOutsideTheFoldersAreRefused(String name) {
    String error = caller.get("/api/model?name=" + name).error();
    assertThat(error).contains("lies outside the folders of this studio");
    assertThat(caller.post("/api/drawings", "{\"count\":1,\"model\":\"" + name + "\"}").error())
        .isEqualTo(error);
  }

  @Test
  void guidesReadNoOtherFiles() throws IOException {
    Path secret = Files.writeString(folder.resolve("secret"), "password");
    for (String guide :
        List.of(
            "{\"kind\":\"reference\",\"value\":\"%s\"}",
            "{\"kind\":\"clip-image\",\"value\":\"%s\",\"options\":{\"clip\":\"../models/clip-faces\"}}",
            "{\"kind\":\"clip\",\"value\":\"red\",\"options\":{\"clip\":\"%s\"}}",
            "{\"kind\":\"class\",\"value\":\"1\",\"options\":{\"classifier\":\"%s\"}}",
            "{\"kind\":\"color\",\"value\":\"red\",\"options\":{\"schedule\":\"%s\"}}")) {
      Caller.Answer answer =
          caller.post(
              "/api/drawings",
              "{\"model\":\"../models/faces\",\"count\":1,\"guides\":["
                  + guide.formatted(secret)
                  + "]}");
      assertWithMessage(guide).that(answer.status()).isEqualTo(400);
      assertThat(answer.error()).doesNotContain("password");
    }
    assertThat(
            caller
                .post(
                    "/api/drawings",
                    "{\"model\":\"../models/faces\",\"count\":1,\"picture\":\"" + secret + "\"}")
                .status())
        .isEqualTo(400);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"/etc/passwd", "org/name", "../models", "../pom.xml", "../models/../pom.xml", ""})
  void lorasAreFilesInTheFolders(String path) {
    String drawing =
        "{\"model\":\"../models/faces-sd\",\"count\":1,\"prompt\":\"a face\","
            + "\"loras\":[{\"path\":\"%s\",\"scale\":1}]}";
    String words =
        "{\"model\":\"../models/faces-sd\",\"count\":1,\"prompt\":\"a face\",\"words\":[\"%s\"]}";
    for (String address : List.of("/api/drawings", "/api/text")) {
      for (String json : List.of(drawing, words)) {
        assertThat(caller.post(address, json.formatted(path)).error())
            .contains("lies outside the folders of this studio");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /api/run?name=/etc",
        "GET /api/run/sample?name=/etc&step=000001",
        "POST /api/run/resume?name=/etc",
        "POST /api/looks?data=/etc",
        "POST /api/looks?data=../core"
      })
  void runsAndDataOutsideTheFoldersAreRefused(String start) {
    Caller.Answer answer =
        caller.send(
            start, NONE, "Host: " + caller.authority(), "Origin: http://" + caller.authority());
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.error()).contains("lies outside the folders of this studio");
  }

  @Test
  void aTrainingWritesAndReadsInTheFoldersOnly() {
    String form = "{\"steps\":1,\"name\":\"%s\",\"model\":\"%s\",\"data\":\"%s\"}";
    assertThat(train(form.formatted("../x", "../models/faces", "mnist"))).contains("name the run");
    assertThat(train(form.formatted("x", "/etc", "mnist"))).contains("lies outside");
    assertThat(train(form.formatted("x", "../models/faces", "/etc"))).contains("lies outside");
  }

  private String train(String json) {
    Caller.Answer answer = caller.post("/api/trainings", json);
    assertThat(answer.status()).isEqualTo(400);
    return answer.error();
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"width\": 0", "\"height\": -8", "\"height\": 1000000"})
  void aSideThatCannotBeDrawnIsRefusedAtOnce(String side) {
    Caller.Answer answer =
        caller.post(
            "/api/drawings", "{\"model\": \"../models/faces\", \"count\": 1, " + side + "}");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.error()).contains("a side has between 1 and 4096 pixels");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/drawings {\"count\":1,\"promt\":\"a face\"} 'promt'; did you mean prompt",
        "/api/text {\"count\":1,\"negative_promt\":\"x\"} 'negative_promt'; did you mean negative_prompt",
        "/api/drawings {\"guides\":[{\"vale\":\"1\"}]} 'vale'; did you mean value?",
        "/api/trainings {\"name\":\"x\",\"steps\":1,\"batch\":4} 'batch'; did you mean batch_size?",
        "/api/scores {\"pictures\":[\"a\"],\"texts\":[\"a\"],\"clips\":\"b\"} 'clips'; did you mean clip?"
      })
  void aSettingThatDoesNotExistIsNamed(String call) {
    String json = call.substring(call.indexOf('{'), call.lastIndexOf('}') + 1);
    Caller.Answer answer = caller.post(call.split(" ")[0], json);
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.error())
        .contains("there is no setting" + call.substring(call.lastIndexOf('}') + 1));
  }

  @Test
  void nonsenseGetsOneLine() {
    for (String body : List.of("", "[]", "{", "null", "{\"count\":\"many\"}", "{\"count\":0}")) {
      Caller.Answer answer = caller.post("/api/drawings", body);
      assertWithMessage(body).that(answer.status()).isEqualTo(400);
      assertThat(answer.error().lines().count()).isEqualTo(1);
    }
    assertThat(caller.get("/api/model").status()).isEqualTo(400);
    assertThat(caller.get("/api/nothing").status()).isEqualTo(404);
    assertThat(caller.get("/api/model?name=%zz").status()).isEqualTo(400);
  }
}
