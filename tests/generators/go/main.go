// The partner's way with the client that openapi-generator makes for Go: tenant, key, Chakra key, customer, plugin,
// numbers, a message.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	portico "example.com/portico/client"
)

func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		panic(name + " is not set")
	}
	return value
}

// bearing gives the context of calls with that token.
func bearing(token string) context.Context {
	return context.WithValue(context.Background(), portico.ContextAccessToken, token)
}

// ok gives what a call answered, and ends the program where it failed.
func ok[T any](answer T, response *http.Response, err error) T {
	if err != nil {
		if refused, is := err.(*portico.GenericOpenAPIError); is {
			panic(refused.Error() + ": " + string(refused.Body()))
		}
		panic(err)
	}
	if response.StatusCode >= 300 {
		panic(response.Status)
	}
	return answer
}

// signUp finishes the sign-up that a person would do in a browser.
func signUp(plugin string) {
	body, err := json.Marshal(map[string]string{"plugin_id": plugin, "outcome": "finish"})
	if err != nil {
		panic(err)
	}
	address := setting("SANDBOX_URL") + "/_sandbox/signups"
	response, err := http.Post(address, "application/json", bytes.NewReader(body))
	if err != nil || response.StatusCode >= 300 {
		panic(fmt.Sprint("no sign-up: ", response, err))
	}
}

func main() {
	configuration := portico.NewConfiguration()
	configuration.Servers = portico.ServerConfigurations{{URL: setting("PORTICO_URL")}}
	client := portico.NewAPIClient(configuration)

	operator := bearing(setting("OPERATOR_TOKEN"))
	tenant := ok(client.TenantsAPI.CreateTenant(operator).CreateTenant(*portico.NewCreateTenant("go")).Execute())
	owner := *portico.NewCreateApiKeyBody("Owner", "owner")
	key := ok(client.ApiKeysAPI.CreateApiKey(operator).PorticoTenant(tenant.Id).CreateApiKeyBody(owner).Execute())
	own := bearing(key.Secret)
	chakraKey := *portico.NewCreateChakraKey("Main", setting("CHAKRA_KEY"))
	ok(client.ChakraKeysAPI.StoreChakraKey(own).CreateChakraKey(chakraKey).Execute())
	shop := *portico.NewCreateCustomer("shop 1/ü", "Shop")
	customer := ok(client.CustomersAPI.CreateCustomer(own).CreateCustomer(shop).Execute())
	body := *portico.NewCreatePluginBody(customer.Id)
	plugin := ok(client.PluginsAPI.MakePlugin(own).CreatePluginBody(body).Execute())
	signUp(plugin.Id)
	ok(client.PluginsAPI.SyncPlugin(own, plugin.Id).Execute())
	numbers := ok(client.PhoneNumbersAPI.ListPhoneNumbers(own).PluginId(plugin.Id).Execute())

	text := portico.NewSendSessionMessageRequest("whatsapp")
	text.SetTo("15550001111")
	text.SetType("text")
	text.SetText(*portico.NewSendSessionMessageRequestText("Hello"))
	send := client.ChakraSendSessionMessagesAPI.WhatsappMessages(own, plugin.Id, "v24.0", numbers.Data[0].Id)
	message := ok(send.WhatsappMessagesRequest(portico.SendSessionMessageRequestAsWhatsappMessagesRequest(text)).Execute())
	if !strings.HasPrefix(message.Data.GetWhatsappMessageId(), "wamid.") {
		panic(fmt.Sprintf("no id: %+v", message))
	}
	fmt.Println("done")
}
